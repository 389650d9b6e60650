// Saved views: the filters that the list shows now, kept under a name; and whether one is away.

import { act, api } from "../core/api.js";
import { at } from "../core/http.js";
import { wordsOf } from "../core/say.js";

const dialog = document.getElementById("view");
const form = dialog.querySelector("form");
const title = document.getElementById("view-title");
const remove = form.querySelector("[data-remove]");
const why = form.querySelector("[data-why]");
const away = document.getElementById("away");
const say = wordsOf(dialog);
let changes = false; // the view that is open, else it becomes a new one

const HOME = "/console/conversations";
const path = () => `/api/inbox/views${changes ? `/${form.dataset.id}` : ""}`;

for (const button of document.querySelectorAll("[data-view-open]")) {
  button.addEventListener("click", () => {
    changes = button.dataset.viewOpen === "change";
    title.textContent = changes ? title.dataset.change : title.dataset.new;
    form.elements.name.value = changes ? form.dataset.name : "";
    form.elements.shared.checked = changes && form.dataset.shared === "yes";
    remove.hidden = !changes;
    why.hidden = true;
    dialog.showModal();
  });
}

const REFUSALS = { 404: "own.is_gone", 409: "own.not_yours", 422: "own.refused" };

function refuse(error) {
  const name = REFUSALS[error.status];
  why.textContent = name ? say(name, { by: error.problem.held_by }) : error.message;
  why.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const filters = JSON.parse(dialog.dataset.filters);
  const { name, shared } = form.elements;
  const body = { name: name.value, shared: shared.checked, filters };
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const view = await api(path(), { method: changes ? "PUT" : "POST", body });
    const query = new URLSearchParams({ ...view.filters, view: view.id });
    location.assign(at(`${HOME}?${query}`));
  } catch (error) {
    refuse(error);
  }
  button.disabled = false;
});

remove.addEventListener("click", async () => {
  remove.disabled = true;
  try {
    await api(path(), { method: "DELETE" });
    location.assign(at(HOME));
  } catch (error) {
    refuse(error);
  }
  remove.disabled = false;
});
form.querySelector("[data-close]").addEventListener("click", () => dialog.close());

away?.addEventListener("change", async () => {
  const body = { away: away.checked };
  if (!(await act(away, () => api("/api/inbox/presence", { method: "PUT", body })))) {
    away.checked = !away.checked; // as it is still known
  }
  away.focus();
});
