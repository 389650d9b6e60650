// The page of saved replies: each is a form of its own.

import { act, api } from "../core/api.js";
import { toast } from "../core/say.js";

const page = document.getElementById("saved-replies");

for (const form of page.querySelectorAll("form")) {
  const { id } = form.dataset;
  const path = id ? `/api/saved-replies/${id}` : "/api/saved-replies";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { title, text, locale } = form.elements;
    const body = { title: title.value, text: text.value, locale: locale.value };
    const button = form.querySelector("[type=submit]");
    const done = await act(button, () => api(path, { method: id ? "PUT" : "POST", body }));
    if (!done) return;
    toast(page.dataset.saved);
    if (!id) location.reload();
  });
  form.querySelector("[data-remove]")?.addEventListener("click", async (event) => {
    if (!(await act(event.target, () => api(path, { method: "DELETE" })))) return;
    toast(page.dataset.removed);
    form.closest("details").remove();
  });
}
