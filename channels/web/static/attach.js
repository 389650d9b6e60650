// Files on their way into a message: uploaded as soon as they are chosen, listed until they are sent.

import { make } from "./dom.js";

export const MOST = 10; // of one message

export class Attached {
  #list;
  #words;
  #upload;
  #limit;
  #changed;
  #items = []; // {file, id, type, failed}

  /** `upload(file)` resolves to {id, name, type, size}; `limit` is in megabytes. */
  constructor({ form, list, words, limit, upload, changed }) {
    this.#list = list;
    this.#words = words;
    this.#limit = limit;
    this.#upload = upload;
    this.#changed = changed;
    const field = form.querySelector("[type=file]");
    form.querySelector("[data-part=attach]").addEventListener("click", () => field.click());
    field.addEventListener("change", () => {
      this.add(field.files);
      field.value = "";
    });
    form.querySelector("textarea").addEventListener("paste", (event) => {
      if (!event.clipboardData?.files.length) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
  }

  /** Whether a file is still being uploaded: then nothing can be sent yet. */
  get busy() {
    return this.#items.some((item) => !item.id && !item.failed);
  }

  get isEmpty() {
    return !this.#items.some((item) => item.id);
  }

  add(files) {
    for (const file of files) {
      this.#begin(file);
    }
  }

  /** What is ready, taken out: [{id, name, type, size}]. What failed stays, with its reason. */
  take() {
    const ready = this.#items.filter((item) => item.id);
    this.#items = this.#items.filter((item) => item.failed);
    this.draw();
    return ready.map(({ id, name, type, size }) => ({ id, name, type, size }));
  }

  clear() {
    this.#items = [];
    this.draw();
  }

  draw() {
    this.#list.replaceChildren(...this.#items.map((item) => this.#row(item)));
    this.#list.hidden = this.#items.length === 0;
    this.#changed();
  }

  async #begin(file) {
    const item = { name: file.name, size: file.size };
    const isOneTooMany = this.#items.filter((other) => !other.failed).length >= MOST;
    this.#items.push(item);
    if (isOneTooMany) {
      item.failed = this.#words.say("composer.too_many", { most: MOST });
      this.draw();
      return;
    }
    if (file.size > this.#limit * 1_000_000) {
      item.failed = this.#words.say("composer.too_large", { most: this.#limit });
      this.draw();
      return;
    }
    this.draw();
    try {
      Object.assign(item, await this.#upload(file));
    } catch (error) {
      item.failed = error.detail || this.#words.say("composer.upload_failed");
    }
    this.draw();
  }

  #row(item) {
    const state = item.failed ?? (item.id ? sizeInWords(item.size) : this.#words.say("composer.uploading"));
    const label = this.#words.say("composer.remove", { name: item.name });
    const drop = () => {
      this.#items = this.#items.filter((other) => other !== item);
      this.draw();
    };
    return make(
      "li",
      { className: item.failed ? "chosen failed" : "chosen" },
      make("span", { className: "file-name" }, item.name),
      make("span", { className: "file-about" }, state),
      make("button", { type: "button", className: "drop", "aria-label": label, onclick: drop }, "×"),
    );
  }
}

/** Bytes as people read them: 1.2 MB. */
export function sizeInWords(size) {
  for (const [unit, worth] of [["MB", 1_000_000], ["KB", 1_000]]) {
    if (size >= worth) return `${(size / worth).toFixed(size < 10 * worth ? 1 : 0)} ${unit}`;
  }
  return `${size} B`;
}

/** The files of a message: pictures drawn anew by the server, everything else as a name to open. */
export function filesOf(item, words) {
  const files = item.attachments ?? item.files ?? [];
  if (!files.length) return null;
  return make("ul", { className: "files" }, ...files.map((file) => one(file, words)));
}

function one(file, words) {
  const about = make("span", { className: "file-about" }, sizeInWords(file.size ?? 0));
  if (!file.open) {
    return make("li", {}, make("span", { className: "file-name" }, file.name), about);
  }
  const label = words.say("log.open_file", { name: file.name });
  const link = make("a", { href: file.open, download: file.name, title: label });
  if (file.preview) {
    link.className = "picture";
    link.append(make("img", { src: file.preview, alt: label, loading: "lazy" }));
    return make("li", {}, link);
  }
  link.append(make("span", { className: "file-name" }, file.name));
  return make("li", {}, link, about);
}
