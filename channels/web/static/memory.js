// What the browser remembers: the conversation and its token, and what is not sent yet.

const SESSION = "contact-center.session";
const OUTBOX = "contact-center.outbox";
const DRAFT = "contact-center.draft";
const LANGUAGE = "contact-center.language";

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

  /** Let somebody else remember the session: `lender(session)` is called at every change. */
  lend(session, lender) {
    this.session = session;
    this.#lender = lender;
  }

  /** {id, token, asked, score} or null. */
  get session() {
    return parsed(this.#long.getItem(SESSION));
  }

  set session(value) {
    write(this.#long, SESSION, value && JSON.stringify(value));
    this.#lender?.(value);
  }

  /** Messages of this tab that the server has not taken yet: [{id, text}]. */
  get outbox() {
    return parsed(this.#short.getItem(OUTBOX)) ?? [];
  }

  set outbox(items) {
    write(this.#short, OUTBOX, items.length ? JSON.stringify(items) : null);
  }

  get draft() {
    return this.#short.getItem(DRAFT) ?? "";
  }

  set draft(text) {
    write(this.#short, DRAFT, text || null);
  }

  get language() {
    return this.#long.getItem(LANGUAGE) ?? "";
  }

  set language(code) {
    write(this.#long, LANGUAGE, code);
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
