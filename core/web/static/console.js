// What every console page does: menu, theme, and the warning before a session ends.

import { api } from "./api.js";
import { at, root as base } from "./http.js";
import { toast } from "./say.js";

const root = document.documentElement;

const toggle = document.querySelector(".menu-toggle");
toggle?.addEventListener("click", () => {
  const open = document.getElementById("nav").classList.toggle("open");
  toggle.setAttribute("aria-expanded", String(open));
});

for (const button of document.querySelectorAll("[data-theme-toggle]")) {
  button.addEventListener("click", () => {
    const order = ["auto", "light", "dark"];
    const next = order[(order.indexOf(root.dataset.theme) + 1) % order.length];
    root.dataset.theme = next;
    button.textContent = button.dataset[next];
    // Behind TLS our cookies are bound to this host by their names (core/web/identity/cookies.py).
    const [prefix, secure] = location.protocol === "https:" ? ["__Host-", "; secure"] : ["", ""];
    // The host is not ours alone where we are below a path, so our names carry it.
    const place = base.replace(/[^A-Za-z0-9]+/g, "-");
    document.cookie = `${prefix}theme${place}=${next}; path=/; max-age=31536000; samesite=lax${secure}`;
  });
}

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  time.textContent = at.toLocaleString(root.lang, { dateStyle: "medium", timeStyle: "short" });
}

const idle = Number(document.body.dataset.idle);
const warning = document.getElementById("session-warning");
if (idle > 0 && warning) {
  const ahead = Math.min(300, idle / 4);
  let timers = [];
  const restart = () => {
    timers.forEach(clearTimeout);
    warning.hidden = true;
    timers = [
      setTimeout(() => (warning.hidden = false), (idle - ahead) * 1000),
      setTimeout(() => location.assign(at("/login")), (idle + 1) * 1000),
    ];
  };
  document.addEventListener("activity", restart);
  warning.querySelector("[data-stay]").addEventListener("click", () => {
    // Who is signed out is led to the door by the call itself; else what they write stays.
    api("/api/me/activity", { method: "POST" }).catch((e) => toast(e.message, { bad: true }));
  });
  restart();

  // Nothing prolongs a session beyond its longest time: say so while what is written can be sent.
  const left = Number(document.body.dataset.ends);
  const last = Math.min(300, left / 4);
  setTimeout(() => {
    document.getElementById("session-limit").hidden = false;
  }, (left - last) * 1000);
  setTimeout(() => location.assign(at("/login")), (left + 1) * 1000);
}
