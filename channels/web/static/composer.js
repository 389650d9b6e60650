// The message field: grows with its text, counts, and sends on Enter.

export const LIMIT = 8_000;
const COUNT_FROM = 7_000;

export class Composer {
  #form;
  #field;
  #count;
  #button;
  #words;
  #may = () => true;
  #files = { busy: false, isEmpty: true }; // of the message (`Attached`)

  /** `on`: {send(text), wrote(text)}; `draft` is what was being written before a reload. */
  constructor({ form, count, words, draft, on }) {
    this.#form = form;
    this.#field = form.querySelector("textarea");
    this.#count = count;
    this.#button = form.querySelector("[data-part=send]");
    this.#words = words;
    // On a slow line people write before this runs: that is kept, too.
    this.#field.value = [draft, this.#field.value].filter((text) => text.trim()).join(" ");
    this.#button.disabled = false;
    this.#field.addEventListener("input", () => {
      this.refresh();
      on.wrote(this.#field.value);
    });
    this.#field.addEventListener("keydown", (event) => {
      // While a syllable is being composed (Korean), Enter only completes it.
      if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
      if (event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      this.#submit(on.send);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(on.send);
    });
    this.#fitToItsWidth();
    this.refresh();
  }

  get text() {
    return this.#field.value;
  }

  /** From now on what is attached here goes with the text. */
  carries(files) {
    this.#files = files;
    this.refresh();
  }

  /** From now on nothing is sent unless `may()`; what is written stays. */
  asks(may) {
    this.#may = may;
  }

  focus() {
    this.#field.focus();
  }

  clear() {
    this.#field.value = "";
    this.refresh();
  }

  placeholder(text) {
    if (this.#field.placeholder !== text) this.#field.placeholder = text;
  }

  /** Bring height, count and button in line with the text. */
  refresh() {
    const { value } = this.#field;
    const used = Array.from(value).length;
    const over = used > LIMIT;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
    const nothing = !value.trim() && this.#files.isEmpty;
    this.#button.setAttribute("aria-disabled", String(over || nothing || this.#files.busy));
    this.#field.setAttribute("aria-invalid", String(over));
    this.#count.hidden = used < COUNT_FROM;
    this.#count.classList.toggle("over", over);
    const number = (n) => this.#words.number(n);
    this.#count.textContent = over
      ? this.#words.say("composer.over", { over: number(used - LIMIT) })
      : this.#words.say("composer.left", { left: number(LIMIT - used) });
    this.#form.classList.toggle("filled", !nothing);
  }

  // A field in a frame that nobody sees has no width, so no text in it has a height: as soon as
  // the widget opens, or a phone is turned, it is measured anew.
  #fitToItsWidth() {
    let known = 0;
    new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width === known) return;
      known = contentRect.width;
      this.refresh();
    }).observe(this.#field);
  }

  #submit(send) {
    const text = this.#field.value.trim();
    const nothing = !text && this.#files.isEmpty;
    if (nothing || this.#files.busy || Array.from(text).length > LIMIT) {
      this.#field.focus();
      return;
    }
    if (!this.#may()) return;
    // Emptied before anything else: a second click finds nothing to send.
    this.#field.value = "";
    this.refresh();
    send(text);
    this.#field.focus();
  }
}
