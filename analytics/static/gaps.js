// Publishes an answer that was missing, and shows what its question finds now.

import { act, api } from "../core/api.js";

for (const form of document.querySelectorAll("[data-gap]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const data = new FormData(form);
    act(form.querySelector("button"), async () => {
      const answer = await api("/api/dashboard/gaps", {
        method: "POST",
        body: {
          title: data.get("title"),
          text: data.get("text"),
          topic: data.get("topic"),
          locale: data.get("locale"),
          questions: data.getAll("question"),
        },
      });
      const result = form.querySelector(".result");
      const head = document.createElement("p");
      head.className = answer.found ? "alert good" : "alert warn";
      head.textContent = answer.found ? form.dataset.published : form.dataset.notYet;
      const quote = document.createElement("blockquote");
      quote.textContent = answer.text;
      result.replaceChildren(head, quote);
    });
  });
}
