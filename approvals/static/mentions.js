// Names of colleagues in a note: "@" offers them, arrows choose, Enter or Tab takes.

import { announce } from "../core/say.js";

const NAMED = /(^|[^\w.@-])@([\p{L}\p{N}_.+-]{0,40})$/u;
const MOST = 6;

for (const field of document.querySelectorAll("[data-mentions]")) attach(field);

function attach(field) {
  const people = JSON.parse(field.dataset.mentions);
  const list = document.createElement("ul");
  let shown = []; // who is offered
  let at = 0; // the place of the one that Enter takes
  list.id = `offers-${field.name}`;
  list.className = "offers plain";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", field.dataset.offers);
  list.hidden = true;
  // Not within the label, or what is offered would be read as the field's name.
  field.closest("label").after(list);
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-haspopup", "listbox");
  field.setAttribute("aria-controls", list.id);

  const before = () => field.value.slice(0, field.selectionStart);

  function offer() {
    const typed = NAMED.exec(before())?.[2]?.toLocaleLowerCase();
    shown =
      typed === undefined
        ? []
        : people
            .filter(({ email, name }) =>
              [email, name, name.replaceAll(" ", "")].some((word) =>
                word.toLocaleLowerCase().startsWith(typed),
              ),
            )
            .slice(0, MOST);
    at = 0;
    draw();
    if (shown.length) announce(`${field.dataset.offers}: ${shown.length}`);
  }

  function draw() {
    list.hidden = !shown.length;
    list.replaceChildren(
      ...shown.map((one, n) => {
        const item = document.createElement("li");
        item.id = `${list.id}-${n}`;
        item.setAttribute("role", "option");
        item.setAttribute("aria-selected", String(n === at));
        item.textContent = one.name ? `${one.name} (${one.email})` : one.email;
        // Pressed the field would lose its place before the click.
        item.addEventListener("pointerdown", (event) => {
          event.preventDefault();
          take(one);
        });
        return item;
      }),
    );
    if (list.hidden) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `${list.id}-${at}`);
  }

  function take({ email }) {
    const end = field.selectionStart;
    const start = before().lastIndexOf("@");
    field.setRangeText(`@${email} `, start, end, "end");
    shown = [];
    draw();
    field.focus();
  }

  field.addEventListener("input", offer);
  field.addEventListener("blur", () => {
    shown = [];
    draw();
  });
  field.addEventListener("keydown", (event) => {
    if (!shown.length || event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      at = (at + step + shown.length) % shown.length;
      draw();
    } else if ((event.key === "Enter" && !event.ctrlKey && !event.metaKey) || event.key === "Tab") {
      take(shown[at]);
    } else if (event.key === "Escape") {
      shown = [];
      draw();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  });
}
