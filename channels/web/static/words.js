// The page's texts in every language, and dates as people of that language write them.

import { fill } from "../core/say.js";

export class Words {
  #texts;
  #language;

  constructor(texts, language) {
    this.#texts = texts;
    this.#language = language in texts ? language : Object.keys(texts)[0];
  }

  get language() {
    return this.#language;
  }

  get languages() {
    return Object.keys(this.#texts);
  }

  choose(language) {
    if (language in this.#texts) this.#language = language;
  }

  /** The text of this name, its {placeholders} filled in. */
  say(name, values = {}) {
    return fill(this.#texts[this.#language][name] ?? name, values);
  }

  /** "14:05" or "오후 2:05". */
  time(date) {
    return new Intl.DateTimeFormat(this.#language, { hour: "numeric", minute: "2-digit" }).format(date);
  }

  /** "Today", "Yesterday", or the date. */
  day(date, now = new Date()) {
    const start = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
    const days = Math.round((start(now) - start(date)) / 86_400_000);
    if (days === 0) return this.say("log.today");
    if (days === 1) return this.say("log.yesterday");
    return new Intl.DateTimeFormat(this.#language, { dateStyle: "full" }).format(date);
  }

  /** The full local date and time, for a tooltip. */
  moment(date) {
    return new Intl.DateTimeFormat(this.#language, { dateStyle: "long", timeStyle: "short" }).format(date);
  }

  number(value) {
    return new Intl.NumberFormat(this.#language).format(value);
  }
}
