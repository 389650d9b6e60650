// What the customer has written and the server has not confirmed yet; each is sent once.

const TRIES = 4;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Outbox {
  items = []; // {id, text, files, at, state: "sending" | "failed" | "refused", detail}
  crowd = ""; // of what there is too much, when the server asks us to wait (`crowdOf`)

  #memory;
  #deliver;
  #on;
  #running = null;

  /**
   * `deliver(item)` resolves to {id, seq} or rejects with ApiError. `on`: {confirmed(item, answer),
   * lost(), changed()}; `lost` is called when the conversation is not ours any more.
   */
  constructor({ memory, deliver, on }) {
    this.#memory = memory;
    this.#deliver = deliver;
    this.#on = on;
    this.items = memory.outbox.map((item) => ({ ...item, state: "sending" }));
  }

  add(text, files = []) {
    const at = new Date().toISOString();
    this.items.push({ id: randomId(), text, files, at, state: "sending" });
    this.#remember();
    this.#on.changed();
    this.flush();
  }

  retry(id) {
    for (const item of this.items) if (item.id === id) item.state = "sending";
    this.#on.changed();
    this.flush();
  }

  discard(id) {
    this.items = this.items.filter((item) => item.id !== id);
    if (!this.items.some((item) => item.state === "sending")) this.crowd = "";
    this.#remember();
    this.#on.changed();
  }

  clear() {
    this.items = [];
    this.crowd = "";
    this.#remember();
  }

  /** The network is back: what had failed goes out again. */
  resume() {
    for (const item of this.items) if (item.state === "failed") item.state = "sending";
    this.flush();
  }

  /** Send what waits, one after the other, in order. */
  flush() {
    this.#running ??= this.#sendAll().finally(() => {
      this.#running = null;
    });
  }

  /** The item that this stored message is, taken out; null when it is none of ours. */
  claim(message) {
    const item = this.#match(message);
    if (!item) return null;
    this.items = this.items.filter((other) => other !== item);
    this.#remember();
    return item;
  }

  // The stream can be faster than the answer to our own request, and it carries no client id.
  #match(message) {
    if (message.author !== "customer") return null;
    return this.items.find((i) => i.id === message.client_id)
      ?? this.items.find((i) => i.isOut && i.text.trim() === message.text.trim())
      ?? null;
  }

  async #sendAll() {
    for (;;) {
      const item = this.items.find((i) => i.state === "sending");
      if (!item) return;
      await this.#sendOne(item);
    }
  }

  async #sendOne(item) {
    for (let attempt = 1; this.#waits(item); attempt += 1) {
      try {
        const answer = await this.#deliver(item);
        const waited = this.crowd;
        this.crowd = "";
        if (this.items.includes(item)) this.#on.confirmed(item, answer);
        else if (waited) this.#on.changed(); // the stream was faster
        return;
      } catch (error) {
        if (!this.items.includes(item)) return;
        if (error.lost) {
          // That conversation is gone for us; what was just written starts another.
          this.#on.lost();
          if (attempt === 1) continue;
        }
        if (!error.passing) {
          this.#settle(item, "refused", error.detail);
          return;
        }
        this.crowd = error.crowd;
        if (attempt >= TRIES && !this.crowd) {
          this.#settle(item, "failed", "");
          return;
        }
        this.#on.changed();
        const wait = error.retryAfter * 1000 || 400 * 2 ** attempt * (0.5 + Math.random() / 2);
        await pause(Math.min(wait, 15_000));
      }
    }
  }

  #waits(item) {
    return item.state === "sending" && this.items.includes(item);
  }

  #settle(item, state, detail) {
    Object.assign(item, { state, detail });
    this.#on.changed();
  }

  #remember() {
    this.#memory.outbox = this.items.map(({ id, text, files, at }) => ({ id, text, files, at }));
  }
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
