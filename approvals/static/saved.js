// Saved replies in the answer's field: "/" in an empty one opens them, Enter takes the first.

import { api } from "../core/api.js";
import { toast } from "../core/say.js";

const dialog = document.getElementById("saved");
const search = dialog.querySelector("[data-search]");
const list = dialog.querySelector("[data-list]");
const reply = document.getElementById("reply");
const field = reply.elements.text;
const id = document.getElementById("talk").dataset.id;
let all = [];

async function open() {
  try {
    all = (await api(`/api/saved-replies?conversation=${encodeURIComponent(id)}`)).items;
  } catch (error) {
    return toast(error.message, { bad: true });
  }
  search.value = "";
  draw();
  dialog.showModal();
  search.focus();
}

/** Those that are searched for; what is in the customer's language comes first. */
function draw() {
  const words = search.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  const found = all
    .filter((one) => {
      const text = `${one.title} ${one.text}`.toLocaleLowerCase();
      return words.every((word) => text.includes(word));
    })
    .sort((a, b) => Number(b.locale === field.lang) - Number(a.locale === field.lang));
  const items = found.map((one) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    const title = document.createElement("strong");
    const text = document.createElement("span");
    button.type = "button";
    title.textContent = one.title;
    text.textContent = one.filled;
    text.className = "clamp";
    button.append(title, text);
    button.addEventListener("click", () => take(one));
    item.append(button);
    return item;
  });
  if (!items.length) {
    const none = document.createElement("li");
    none.className = "faint";
    none.textContent = list.dataset.none;
    items.push(none);
  }
  list.replaceChildren(...items);
}

function take(one) {
  dialog.close();
  const { selectionStart: start, selectionEnd: end, value } = field;
  const before = value.slice(0, start);
  const gap = before && !/\s$/.test(before) ? " " : "";
  field.setRangeText(gap + one.filled, start, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

document.getElementById("saved-open").addEventListener("click", open);
search.addEventListener("input", draw);
dialog.addEventListener("keydown", (event) => {
  const buttons = [...list.querySelectorAll("button")];
  const at = buttons.indexOf(document.activeElement);
  if (event.key === "Enter" && event.target === search && buttons.length) {
    event.preventDefault();
    buttons[0].click();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const next = at + (event.key === "ArrowDown" ? 1 : -1);
    (buttons[next] ?? search).focus();
  }
});
field.addEventListener("keydown", (event) => {
  if (event.key !== "/" || field.value) return;
  event.preventDefault();
  open();
});
