// Missing answers, a part of the assistant's page: publish, dismiss, merge, and take it back.

import { act, api } from "../core/api.js";
import { fill, toast } from "../core/say.js";

const MARKS = "/api/dashboard/gaps/marks";

/** Begins in the part that has just been brought; `again` brings it anew. */
export function begin(part, again) {
  const list = part.firstElementChild;
  const words = list.dataset;
  const cards = [...part.querySelectorAll("[data-places]")];
  const places = (card) => JSON.parse(card.dataset.places);

  async function mark(button, kind, chosen) {
    const questions = chosen.flatMap(places);
    const done = await act(button, () => api(MARKS, { method: "POST", body: { kind, questions } }));
    if (!done) return;
    toast(words.done);
    await again();
    part.querySelector("#settled summary, [data-places] h3")?.focus();
  }

  for (const card of cards) {
    const dismiss = card.querySelector("[data-dismiss]");
    dismiss.addEventListener("click", () => mark(dismiss, "dismissed", [card]));
    const form = card.querySelector("[data-gap]");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      act(form.querySelector("button"), () => publish(form, places(card)));
    });
  }

  for (const button of part.querySelectorAll("[data-undo]")) {
    button.addEventListener("click", async () => {
      const path = `${MARKS}/${encodeURIComponent(button.dataset.undo)}`;
      if (!(await act(button, () => api(path, { method: "DELETE" })))) return;
      toast(words.undone);
      await again();
    });
  }

  const bar = part.querySelector("[data-merge]");
  const chosen = () => cards.filter((card) => card.querySelector("[data-choose]")?.checked);
  list.addEventListener("change", (event) => {
    if (!bar || !event.target.matches("[data-choose]")) return;
    const n = chosen().length;
    bar.hidden = n < 2;
    bar.querySelector("p").textContent = fill(bar.querySelector("p").dataset.text, { n });
  });
  bar?.querySelector("button").addEventListener("click", (event) => {
    mark(event.currentTarget, "merged", chosen());
  });
}

async function publish(form, asked) {
  const data = new FormData(form);
  const answer = await api("/api/dashboard/gaps", {
    method: "POST",
    body: {
      title: data.get("title"),
      text: data.get("text"),
      topic: data.get("topic"),
      locale: data.get("locale"),
      questions: data.getAll("question"),
      asked,
    },
  });
  const result = form.querySelector(".result");
  const head = document.createElement("p");
  head.className = answer.found ? "alert good" : "alert warn";
  head.textContent = answer.found ? form.dataset.published : form.dataset.notYet;
  const quote = document.createElement("blockquote");
  quote.textContent = answer.text;
  result.replaceChildren(head, quote);
}
