// The message field: grows with its text, counts, and sends on Enter.

export const LIMIT = 8_000;
const COUNT_FROM = 7_000;

export class Composer {
  #form;
  #field;
  #count;
  #button;
  #words;

  /** `on`: {send(text), wrote()}; `draft` is what was being written before a reload. */
  constructor({ form, count, words, draft, on }) {
    this.#form = form;
    this.#field = form.querySelector("textarea");
    this.#count = count;
    this.#button = form.querySelector("[data-part=send]");
    this.#words = words;
    this.#field.value = draft;
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
    this.refresh();
  }

  get text() {
    return this.#field.value;
  }

  focus() {
    this.#field.focus();
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
    this.#button.setAttribute("aria-disabled", String(over || !value.trim()));
    this.#field.setAttribute("aria-invalid", String(over));
    this.#count.hidden = used < COUNT_FROM;
    this.#count.classList.toggle("over", over);
    const number = (n) => this.#words.number(n);
    this.#count.textContent = over
      ? this.#words.say("composer.over", { over: number(used - LIMIT) })
      : this.#words.say("composer.left", { left: number(LIMIT - used) });
    this.#form.classList.toggle("filled", value.trim() !== "");
  }

  #submit(send) {
    const text = this.#field.value.trim();
    if (!text || Array.from(text).length > LIMIT) {
      this.#field.focus();
      return;
    }
    // Emptied before anything else: a second click finds nothing to send.
    this.#field.value = "";
    this.refresh();
    send(text);
    this.#field.focus();
  }
}
