// The conversation as this page knows it: messages by number, what is unsent, where it stands.

import { SharedStream } from "./shared.js";

const TYPING_EVERY_MS = 2_000;
const TYPING_SHOWN_MS = 4_000;
const THINKING_SHOWN_MS = 12_000;
const TRIES = 4;
const OPEN_WAIT_MS = 1_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Conversation extends EventTarget {
  status = "ai";
  assignee = "";
  messages = []; // confirmed, by number
  pending = []; // {id, text, at, state: "sending" | "failed" | "refused", detail}
  live = ""; // the answer while it grows
  typing = ""; // who writes on the other side: "", "ai", "agent"
  connection = "idle"; // idle, loading, open, down, lost, failed
  person = "free"; // free, asking, asked
  busy = false;

  #api;
  #memory;
  #language;
  #stream = null;
  #streamed = "";
  #seen = 0;
  #statusSeen = 0;
  #armed = false;
  #flushing = null;
  #typedAt = 0;
  #typingTimer = null;
  #opened = Promise.resolve();

  constructor({ api, memory, language }) {
    super();
    this.#api = api;
    this.#memory = memory;
    this.#language = language;
    this.pending = memory.outbox.map(({ id, text, at }) => ({ id, text, at, state: "sending" }));
  }

  get id() {
    return this.#memory.session?.id ?? "";
  }

  /** The conversation on the page, which another tab may just have left. */
  get openId() {
    return this.#streamed;
  }

  get isEmpty() {
    return this.messages.length === 0 && this.pending.length === 0;
  }

  get score() {
    return this.#memory.session?.score ?? 0;
  }

  /** Whether the last word is the customer's. */
  get awaits() {
    return this.pending.length > 0 || this.messages.at(-1)?.author === "customer";
  }

  /** Open what this browser remembers; without anything remembered, wait for the first message. */
  async restore() {
    const { session } = this.#memory;
    if (!session) {
      if (this.pending.length) this.#flush();
      return;
    }
    this.person = session.asked ? "asked" : "free";
    this.#set({ connection: "loading" });
    this.#connect();
    for (let attempt = 0; session.id === this.id; attempt += 1) {
      try {
        this.#load(await this.#api.conversation(session.id));
        break;
      } catch (error) {
        if (error.lost) {
          this.#lose();
          return;
        }
        this.#set({ connection: "down" });
        await pause(Math.max(error.retryAfter * 1000, Math.min(8_000, 500 * 2 ** attempt)));
      }
    }
    this.#flush();
  }

  /** Send this text; it appears at once and is confirmed, or offered again, later. */
  send(text) {
    this.pending.push({ id: randomId(), text, at: new Date().toISOString(), state: "sending" });
    this.#remember();
    this.#changed();
    this.#flush();
  }

  retry(id) {
    for (const item of this.pending) if (item.id === id) item.state = "sending";
    this.#changed();
    this.#flush();
  }

  discard(id) {
    this.pending = this.pending.filter((item) => item.id !== id);
    this.#remember();
    this.#changed();
  }

  /** Tell the other side that the customer writes; at most once in two seconds. */
  wrote() {
    const now = Date.now();
    if (!this.id || this.connection !== "open" || now - this.#typedAt < TYPING_EVERY_MS) return;
    this.#typedAt = now;
    this.#api.typing(this.id).catch(() => {});
  }

  /** Call a person. Resolves to whether the call went through. */
  async callPerson() {
    this.#set({ person: "asking" });
    try {
      await this.#ensureStarted();
      await this.#api.human(this.id);
    } catch (error) {
      this.#set({ person: "free" });
      if (error.lost) this.#lose();
      return false;
    }
    // A person may have come while the call was on its way.
    this.#keep({ asked: this.status !== "human" });
    this.#set({ person: this.status === "human" ? "free" : "asked" });
    return true;
  }

  /** Rate the help, 1 to 5. Resolves to whether it is stored. */
  async rate(score, comment = "") {
    try {
      await this.#api.rate(this.id, score, comment);
    } catch {
      return false;
    }
    this.#keep({ score });
    return true;
  }

  /** Leave this conversation; the next message starts another. */
  forget() {
    this.#memory.session = null;
    this.#memory.outbox = [];
    this.pending = [];
    this.#reset();
    this.#set({ connection: "idle" });
  }

  /** Another tab started or left a conversation: go along. */
  follow(session) {
    if ((session?.id ?? "") === this.#streamed) {
      this.person = session?.asked ? "asked" : this.person === "asked" ? "free" : this.person;
      this.#changed();
      return;
    }
    this.#reset();
    this.#set({ connection: "idle" });
    if (session) this.restore();
  }

  /** The network is back or the page is looked at again. */
  nudge() {
    this.#stream?.nudge();
    this.#resumeFailed();
  }

  async #ensureStarted() {
    if (this.id) return;
    const { id, token, status } = await this.#api.start(this.#language());
    this.#memory.session = { id, token };
    this.status = status ?? "ai";
    this.#connect();
    // The stream first, so that not a piece of the first answer is missed.
    await Promise.race([this.#opened, pause(OPEN_WAIT_MS)]);
  }

  #connect() {
    const id = this.id;
    this.#streamed = id;
    let opened;
    this.#opened = new Promise((resolve) => {
      opened = resolve;
    });
    this.#stream?.stop();
    this.#stream = new SharedStream(id, {
      url: this.#api.eventsUrl(id),
      headers: this.#api.headers,
      after: () => this.#seen,
      on: {
        event: (name, data, seq) => this.#event(name, data, seq),
        open: () => {
          opened();
          this.#set({ connection: "open" });
          this.#resumeFailed();
        },
        down: () => {
          // Pieces may be missing from now on: the whole answer comes as a message.
          this.#armed = false;
          this.#set({ connection: "down" });
        },
        lost: () => this.#lose(),
      },
    });
    this.#stream.start();
  }

  #load({ messages, status, assignee }) {
    for (const message of messages) this.#place(message);
    this.#seen = Math.max(this.#seen, this.messages.at(-1)?.seq ?? 0);
    if (this.#statusSeen === 0) this.#become(status);
    this.assignee = assignee ?? "";
    if (this.connection === "loading") this.connection = "open";
    this.#changed();
  }

  #event(name, data, seq) {
    if (seq !== null) this.#seen = Math.max(this.#seen, seq);
    if (name === "message") {
      this.#arrived(data);
    } else if (name === "status") {
      if (seq !== null && seq < this.#statusSeen) return;
      this.#statusSeen = seq ?? this.#statusSeen;
      this.#become(data.status);
      this.assignee = "";
      if (data.status === "human") this.#learnName();
    } else if (name === "delta") {
      if (!this.#armed) return;
      this.live += data.text ?? "";
    } else if (name === "typing") {
      if (data.author === "customer") return;
      if (data.author === "ai") {
        // An answer begins, perhaps anew because the customer wrote on.
        this.#armed = true;
        this.live = "";
      }
      this.#showTyping(data.author === "ai" ? "ai" : "agent", TYPING_SHOWN_MS);
    }
    this.#changed();
  }

  #arrived(message) {
    if (!this.#place(message)) return;
    this.live = "";
    if (message.author === "customer") {
      if (this.status === "ai") this.#showTyping("thinking", THINKING_SHOWN_MS);
    } else {
      this.#showTyping("", 0);
      this.dispatchEvent(new CustomEvent("arrived", { detail: message }));
    }
    if (message.author === "agent" && this.person === "asked") this.#personCame();
  }

  #become(status) {
    if (!status) return;
    if (status !== "ai") {
      this.live = "";
      if (this.typing === "thinking") this.#showTyping("", 0);
    }
    if (status === "human" || status === "resolved") this.#personCame();
    this.status = status;
  }

  async #learnName() {
    const id = this.id;
    const { assignee, status } = await this.#api.conversation(id).catch(() => ({}));
    if (id === this.id && status === "human") this.#set({ assignee: assignee ?? "" });
  }

  #personCame() {
    this.person = "free";
    this.#keep({ asked: false });
  }

  /** Put a message into its place; false when it was there already. */
  #place(message) {
    let at = this.messages.length;
    while (at > 0 && this.messages[at - 1].seq > message.seq) at -= 1;
    if (at > 0 && this.messages[at - 1].seq === message.seq) return false;
    const own = this.#ownPending(message);
    if (own) {
      message.key = own.id;
      this.pending = this.pending.filter((item) => item !== own);
      this.#remember();
    }
    this.messages.splice(at, 0, message);
    return true;
  }

  #ownPending(message) {
    if (message.author !== "customer") return null;
    if (message.client_id) return this.pending.find((i) => i.id === message.client_id) ?? null;
    // The stream can be faster than the answer to our own request.
    return this.pending.find((i) => i.seq === message.seq)
      ?? this.pending.find((i) => !i.seq && i.sentOnce && i.text.trim() === message.text.trim())
      ?? null;
  }

  #flush() {
    this.#flushing ??= this.#sendAll().finally(() => {
      this.#flushing = null;
    });
  }

  async #sendAll() {
    for (;;) {
      const item = this.pending.find((i) => i.state === "sending" && !i.seq);
      if (!item) return;
      await this.#sendOne(item);
    }
  }

  async #sendOne(item) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await this.#ensureStarted();
        item.sentOnce = true;
        const { seq, id } = await this.#api.send(this.id, item.text, item.id);
        this.busy = false;
        this.#confirmed(item, seq, id);
        return;
      } catch (error) {
        if (!this.pending.includes(item)) return;
        if (error.lost && this.id) {
          // That conversation is gone for us; what was just written starts another.
          this.#lose({ keepPending: true });
          if (attempt < 2) continue;
        }
        if (!error.passing) {
          item.state = "refused";
          item.detail = error.detail ?? "";
          this.#changed();
          return;
        }
        this.#set({ busy: error.status === 429 });
        if (attempt >= TRIES && error.status !== 429) {
          item.state = "failed";
          this.#changed();
          return;
        }
        const wait = error.retryAfter * 1000 || 400 * 2 ** attempt * (0.5 + Math.random() / 2);
        await pause(Math.min(wait, 15_000));
        if (item.state !== "sending" || !this.pending.includes(item)) return;
      }
    }
  }

  #confirmed(item, seq, id) {
    if (!this.pending.includes(item)) return; // the stream was faster
    item.seq = seq;
    this.#place({
      id, seq, author: "customer", text: item.text, citations: [], at: item.at,
      client_id: item.id,
    });
    if (this.status === "ai") this.#showTyping("thinking", THINKING_SHOWN_MS);
    this.#changed();
  }

  #resumeFailed() {
    let some = false;
    for (const item of this.pending) {
      if (item.state !== "failed") continue;
      item.state = "sending";
      some = true;
    }
    if (some) this.#flush();
  }

  #showTyping(who, ms) {
    clearTimeout(this.#typingTimer);
    this.typing = who;
    if (who) this.#typingTimer = setTimeout(() => this.#set({ typing: "" }), ms);
  }

  #lose({ keepPending = false } = {}) {
    this.#memory.session = null;
    const { pending } = this;
    this.#reset();
    if (keepPending) this.pending = pending;
    this.#set({ connection: "lost" });
  }

  #reset() {
    this.#stream?.stop();
    this.#stream = null;
    this.#streamed = "";
    this.#seen = 0;
    this.#statusSeen = 0;
    this.#armed = false;
    this.#showTyping("", 0);
    Object.assign(this, { messages: [], live: "", status: "ai", assignee: "", person: "free" });
  }

  #keep(part) {
    if (this.#memory.session) this.#memory.session = { ...this.#memory.session, ...part };
  }

  #remember() {
    this.#memory.outbox = this.pending.map(({ id, text, at }) => ({ id, text, at }));
  }

  #set(part) {
    Object.assign(this, part);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
