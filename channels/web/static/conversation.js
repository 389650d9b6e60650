// The conversation as this page knows it: messages by number, and where it stands.

import { Outbox } from "./outbox.js";
import { SharedStream } from "./shared.js";

const TYPING_EVERY_MS = 2_000;
const TYPING_SHOWN_MS = 4_000;
const WRITING_SHOWN_MS = 6_000; // the server says every four seconds that the assistant writes
const THINKING_SHOWN_MS = 12_000;
const OPEN_WAIT_MS = 1_000;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Conversation extends EventTarget {
  status = "ai";
  assignee = "";
  messages = []; // confirmed, by number
  live = ""; // the answer while it grows, as the server draws it
  typing = ""; // who writes on the other side: "", "ai", "agent"
  connection = "idle"; // idle, loading, open, down, crowded, lost, failed
  person = "free"; // free, asking, asked

  #api;
  #memory;
  #language;
  #visitor;
  #outbox;
  #stream = null;
  #streamed = "";
  #seen = 0;
  #statusSeen = 0;
  #refused = "";
  #typedAt = 0;
  #starting = null;
  #typingTimer = null;
  #opened = Promise.resolve();
  #isLoaded = false;

  /** `visitor()` is who begins a conversation: {name, email, id, signature}, or undefined. */
  constructor({ api, memory, language, visitor }) {
    super();
    this.#api = api;
    this.#memory = memory;
    this.#language = language;
    this.#visitor = visitor;
    this.#outbox = new Outbox({
      memory,
      deliver: (item) => this.#deliver(item),
      on: {
        confirmed: (item, answer) => this.#confirmed(item, answer),
        lost: () => this.#lose(),
        changed: () => this.#changed(),
      },
    });
  }

  get id() {
    return this.#memory.session?.id ?? "";
  }

  /** The conversation on the page, which another tab may just have left. */
  get openId() {
    return this.#streamed;
  }

  /** What the server has not confirmed yet. */
  get pending() {
    return this.#outbox.items;
  }

  /** Of what there is too much, while the server asks us to wait; else "". */
  get crowd() {
    return this.#outbox.crowd || (this.connection === "crowded" ? this.#refused : "");
  }

  get isEmpty() {
    return this.messages.length === 0 && this.pending.length === 0;
  }

  get score() {
    return this.#memory.session?.score ?? 0;
  }

  /** Messages to the customer that they have not seen, on whatever page; null until it is known. */
  get unread() {
    const { session } = this.#memory;
    if (!session) return 0;
    if (!this.#isLoaded) return null;
    const read = session.read ?? Infinity;
    return this.messages.filter(({ author, seq }) => author !== "customer" && seq > read).length;
  }

  /** The customer has seen all that stands here. */
  markRead() {
    const last = this.messages.at(-1)?.seq ?? 0;
    const { session } = this.#memory;
    if (session && this.#isLoaded && (session.read ?? -1) < last) this.#keep({ read: last });
  }

  /** Whether the last word is the customer's; what no answer comes to, such as an emoji, is none. */
  get awaits() {
    const last = this.messages.findLast((message) => !message.silent);
    return this.pending.length > 0 || last?.author === "customer";
  }

  /** Open what this browser remembers; without anything remembered, wait for the first message. */
  async restore() {
    const { session } = this.#memory;
    if (!session) {
      this.#outbox.flush();
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
    this.#outbox.flush();
  }

  /** Send this text; it appears at once and is confirmed, or offered again, later. */
  send(text, files = []) {
    this.#outbox.add(text, files);
  }

  /** Upload a file for the message that is being written. Resolves to {id, name, type, size}. */
  async upload(file) {
    await this.#ensureStarted();
    return this.#api.upload(this.id, file);
  }

  retry(id) {
    this.#outbox.retry(id);
  }

  discard(id) {
    this.#outbox.discard(id);
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
    this.#outbox.clear();
    this.#reset();
    this.#set({ connection: "idle" });
  }

  /** The site says who is here now: what somebody else has begun is not for them to see. */
  get isOfSomebodyElse() {
    const begun = this.#memory.session?.visitor;
    return Boolean(begun) && begun !== this.#visitor()?.id;
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
    this.#outbox.resume();
  }

  async #ensureStarted() {
    if (this.id) return;
    this.#starting ??= this.#startOne().finally(() => {
      this.#starting = null;
    });
    await this.#starting;
  }

  async #startOne() {
    const { id, token, status, visitor } = await this.#begin();
    this.#memory.session = { id, token, read: 0, visitor };
    this.#isLoaded = true;
    this.status = status ?? "ai";
    this.#connect();
    // The stream first, so that not a piece of the first answer is missed.
    await Promise.race([this.#opened, pause(OPEN_WAIT_MS)]);
  }

  /** Resolves to {id, token, status, visitor}, the last as the id that the site has signed. */
  async #begin() {
    const visitor = this.#visitor();
    try {
      const begun = await this.#api.start(this.#language(), visitor);
      return { ...begun, visitor: visitor?.id };
    } catch (error) {
      if (error.status !== 403 || !visitor?.id) throw error;
      // The site's mistake, which its authors see here; nobody is left alone with their question.
      console.warn(`ContactCenter: ${error.message}`);
      const { name, email } = visitor;
      return this.#api.start(this.#language(), { name, email });
    }
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
          this.#outbox.resume();
        },
        down: () => this.#set({ connection: "down" }),
        refused: (crowd) => this.#look(crowd),
        lost: () => this.#lose(),
      },
    });
    this.#stream.start();
  }

  /** There is no room for our stream: at each of its tries we look for ourselves. */
  async #look(crowd) {
    this.#refused = crowd;
    this.#set({ connection: "crowded" });
    const id = this.id;
    try {
      const now = await this.#api.conversation(id);
      if (id !== this.id || this.connection !== "crowded") return;
      this.#load(now);
      this.#become(now.status);
      this.#changed();
    } catch (error) {
      if (error.lost && id === this.id) this.#lose();
    }
  }

  #load({ messages, status, assignee }) {
    for (const message of messages) this.#place(message);
    this.#isLoaded = true;
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
    } else if (name === "attachment") {
      this.#fileArrived(data);
    } else if (name === "status") {
      if (seq !== null && seq < this.#statusSeen) return;
      this.#statusSeen = seq ?? this.#statusSeen;
      this.#become(data.status);
      this.assignee = "";
      if (data.status === "human") this.#learnName();
    } else if (name === "delta") {
      // Without its beginning the server draws none: the whole answer comes as a message.
      if (!data.html || !this.awaits) return;
      this.live = data.html;
    } else if (name === "typing") {
      if (data.author === "customer") return;
      if (data.author === "ai") {
        // A stream that has just caught up may bring signs of an answer that is here already.
        if (!this.awaits) return;
        // An answer begins, perhaps anew because the customer wrote on.
        this.live = "";
      }
      if (data.author === "ai") this.#showTyping("ai", WRITING_SHOWN_MS);
      else this.#showTyping("agent", TYPING_SHOWN_MS);
    }
    this.#changed();
  }

  #arrived(message) {
    if (!this.#place(message)) {
      if (message.silent) this.#hushed(message);
      return;
    }
    this.live = "";
    if (message.author === "customer") {
      if (!message.silent && this.status === "ai") this.#showTyping("thinking", THINKING_SHOWN_MS);
    } else {
      this.#showTyping("", 0);
      if (this.#isLoaded) this.dispatchEvent(new CustomEvent("arrived", { detail: message }));
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
    if (at > 0 && this.messages[at - 1].seq === message.seq) {
      this.#complete(this.messages[at - 1], message.attachments);
      return false;
    }
    // The element on the page stays the same one, so its key does.
    const own = this.#outbox.claim(message);
    if (own) message.key = own.id;
    this.messages.splice(at, 0, message);
    return true;
  }

  /** The server says that no answer comes to a message which this page has already shown. */
  #hushed({ seq }) {
    const message = this.messages.find((other) => other.seq === seq);
    if (message) message.silent = true;
    if (this.typing === "thinking" && !this.awaits) this.#showTyping("", 0);
  }

  /** What the server shows of a message's files takes the place of what this page knew. */
  #complete(message, attachments) {
    if (!attachments?.some((file) => file.open)) return;
    message.attachments = attachments;
    this.#changed();
  }

  /** A file of an earlier message has come in. */
  #fileArrived({ message_id: id, index, attachment }) {
    const message = this.messages.find((other) => other.id === id);
    if (!message?.attachments?.[index]) return;
    message.attachments = message.attachments.with(index, attachment);
  }

  async #deliver(item) {
    await this.#ensureStarted();
    item.isOut = true;
    return this.#api.send(this.id, item.text, item.id, item.files);
  }

  #confirmed(item, { id, seq }) {
    const placed = this.#place({
      id, seq, author: "customer", text: item.text, citations: [], at: item.at,
      client_id: item.id, attachments: item.files,
    });
    if (!placed) this.#outbox.claim({ author: "customer", client_id: item.id, text: item.text });
    if (placed && this.status === "ai") this.#showTyping("thinking", THINKING_SHOWN_MS);
    this.#changed();
  }

  #showTyping(who, ms) {
    clearTimeout(this.#typingTimer);
    this.typing = who;
    if (who) this.#typingTimer = setTimeout(() => this.#set({ typing: "" }), ms);
  }

  #lose() {
    this.#memory.session = null;
    this.#reset();
    this.#set({ connection: "lost" });
  }

  #reset() {
    this.#stream?.stop();
    this.#stream = null;
    this.#streamed = "";
    this.#seen = 0;
    this.#statusSeen = 0;
    this.#isLoaded = false;
    this.#showTyping("", 0);
    Object.assign(this, { messages: [], live: "", status: "ai", assignee: "", person: "free" });
  }

  #keep(part) {
    if (this.#memory.session) this.#memory.session = { ...this.#memory.session, ...part };
  }

  #set(part) {
    Object.assign(this, part);
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
