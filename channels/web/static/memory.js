// What the browser remembers: the conversation and its token, and what is not sent yet.

import { root } from "../core/http.js";

// What is kept is kept for the whole host: below a path, others of us may live there too.
const SESSION = `contact-center${root}.session`;
const OUTBOX = `contact-center${root}.outbox`;
const DRAFT = `contact-center${root}.draft`;
const LANGUAGE = `contact-center${root}.language`;

const ABOUT = `contact-center${root}.about`;
const LENT = ["session", "outbox", "draft", "language", "about"];

/** A storage that also works where the browser refuses one (blocked third-party storage). */
function opened(kind) {
  try {
    const storage = window[kind];
    storage.setItem("contact-center.probe", "1");
    storage.removeItem("contact-center.probe");
    return storage;
  } catch {
    const kept = new Map();
    return {
      isBorrowed: true,
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}

export class Memory {
  #long = opened("localStorage");
  #short = opened("sessionStorage");
  #lender = null;

  /** Whether what we remember ends with this page, because the browser refuses storage. */
  get isFleeting() {
    return Boolean(this.#long.isBorrowed);
  }

  /** Let somebody else remember: `lender(kept)` is called at every change, `kept` is its last. */
  lend(kept, lender) {
    for (const name of LENT) if (kept?.[name]) this[name] = kept[name];
    this.#lender = lender;
  }

  #write(storage, key, value) {
    write(storage, key, value);
    this.#lender?.(Object.fromEntries(LENT.map((name) => [name, this[name]])));
  }

  /**
   * {id, token, read, asked, score, visitor} or null; `read` is the last message that was seen,
   * `visitor` the id by which the site knows who has begun it.
   */
  get session() {
    return parsed(this.#long.getItem(SESSION));
  }

  set session(value) {
    this.#write(this.#long, SESSION, value && JSON.stringify(value));
  }

  /** Messages of this tab that the server has not taken yet: [{id, text}]. */
  get outbox() {
    return parsed(this.#short.getItem(OUTBOX)) ?? [];
  }

  set outbox(items) {
    this.#write(this.#short, OUTBOX, items.length ? JSON.stringify(items) : null);
  }

  get draft() {
    return this.#short.getItem(DRAFT) ?? "";
  }

  set draft(text) {
    this.#write(this.#short, DRAFT, text || null);
  }

  /** What the visitor has said of themselves: {name, email}. */
  get about() {
    return parsed(this.#long.getItem(ABOUT)) ?? {};
  }

  set about(said) {
    const isNothing = !said || Object.values(said).every((text) => !text);
    this.#write(this.#long, ABOUT, isNothing ? null : JSON.stringify(said));
  }

  get language() {
    return this.#long.getItem(LANGUAGE) ?? "";
  }

  set language(code) {
    this.#write(this.#long, LANGUAGE, code);
  }

  /** Calls back when another tab of this browser starts or leaves a conversation. */
  onSession(callback) {
    window.addEventListener("storage", (event) => {
      if (event.key === SESSION || event.key === null) callback(this.session);
    });
  }
}

function write(storage, key, value) {
  try {
    if (value === null || value === undefined) storage.removeItem(key);
    else storage.setItem(key, value);
  } catch {
    // A full or forbidden storage costs the memory over a reload, nothing else.
  }
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
