// What happens, live on the page: the stream of events, its badge, and what is drawn anew by it.

import { at } from "./http.js";
import { show } from "./say.js";
import { EventStream } from "./stream.js";

/**
 * Follows what happens. `handlers` maps names of events to functions of their data. `refresh` is
 * called when something may have been missed, with whether it is the first time. The element
 * #live says whether events flow.
 */
export function live(handlers, refresh) {
  const badge = document.getElementById("live");
  let isFirst = true;
  const flows = (up) => {
    show(badge, up ? badge.dataset.live : badge.dataset.offline);
    badge.classList.toggle("good", up);
    badge.classList.toggle("warn", !up);
  };
  const stream = new EventStream("/console/events", {
    on: {
      open() {
        flows(true);
        refresh(isFirst);
        isFirst = false;
      },
      event(name, data) {
        if (name === "reload") refresh(false);
        else if (name === "signed_out") location.reload();
        else handlers[name]?.(data);
        document.dispatchEvent(new CustomEvent("desk", { detail: { name, data } }));
      },
      down: () => flows(false),
      refused: () => flows(false),
      // Nobody is signed in any more: what is fetched next leads to the door.
      lost() {
        flows(false);
        refresh(false);
      },
    },
  });
  stream.start();
  window.addEventListener("online", () => stream.nudge());
}

const SETTLE_MS = 60; // in which more events are gathered
const AGAIN_MS = 3000;

/**
 * Keeps a part of the page as the server draws it. `url()` is where, `draw(html)` puts the new
 * document in place, `lost(time)` is the text for #trouble, where `time` is when it was last true.
 * Gives {refresh, soon}.
 */
export function follow({ url, draw, lost }) {
  const trouble = document.getElementById("trouble");
  let asked = 0;
  let timer = 0;
  let shownAt = new Date();

  async function refresh() {
    const ticket = ++asked;
    try {
      const response = await fetch(at(url()), { headers: { Accept: "text/html" } });
      if (response.redirected) return location.reload();
      if (!response.ok) throw new Error(String(response.status));
      const html = await response.text();
      if (ticket !== asked) return;
      draw(new DOMParser().parseFromString(html, "text/html"));
      shownAt = new Date();
      trouble.hidden = true;
    } catch {
      if (ticket !== asked) return;
      trouble.textContent = lost(
        shownAt.toLocaleTimeString(document.documentElement.lang, { timeStyle: "short" }),
      );
      trouble.hidden = false;
      setTimeout(refresh, AGAIN_MS);
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, SETTLE_MS);
  }

  return { refresh, soon };
}
