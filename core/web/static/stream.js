// Server-sent events over fetch(): EventSource cannot carry a token, and widgets have no cookies.

import { at, refusal } from "./http.js";

const SILENCE_MS = 40_000; // the server sends a heartbeat every 15 s
const SLOWEST_MS = 20_000;

/** Splits a byte stream of server-sent events into {event, data, id}. */
export class EventParser {
  #rest = "";
  #event = "";
  #data = [];
  #id = null;

  /** The events that are complete once this text is added. */
  feed(text) {
    const events = [];
    this.#rest += text;
    let end;
    while ((end = this.#rest.search(/\r\n|\n|\r(?!$)/)) >= 0) {
      const line = this.#rest.slice(0, end);
      const width = this.#rest.startsWith("\r\n", end) ? 2 : 1;
      this.#rest = this.#rest.slice(end + width);
      const complete = this.#line(line);
      if (complete) events.push(complete);
    }
    return events;
  }

  #line(line) {
    if (line === "") {
      const complete = this.#data.length
        ? { event: this.#event || "message", data: this.#data.join("\n"), id: this.#id }
        : null;
      this.#event = "";
      this.#data = [];
      this.#id = null;
      return complete;
    }
    if (line.startsWith(":")) return null;
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id" && /^\d+$/.test(value)) this.#id = Number(value);
    return null;
  }
}

/** Keeps a stream of events open, resuming after the last number that was seen. */
export class EventStream {
  #url;
  #headers;
  #on;
  #after;
  #failures = 0;
  #stopped = false;
  #isRefused = false;
  #abort = null;
  #wake = null;

  /**
   * `on`: {event(name, data, id), open(), down(), refused(crowd), lost()}, where `refused` is told
   * instead of `down` of what there is too much; `headers()` say who asks; `after`: number of the
   * last event.
   */
  constructor(url, { headers = () => ({}), after = 0, on }) {
    this.#url = url;
    this.#headers = headers;
    this.#after = after;
    this.#on = on;
  }

  start() {
    this.#run();
  }

  stop() {
    this.#stopped = true;
    this.#abort?.abort();
    this.#wake?.();
  }

  /** Try again at once: the network is back, or somebody looks at the page. */
  nudge() {
    this.#failures = 0;
    this.#wake?.();
  }

  async #run() {
    while (!this.#stopped) {
      let wait = null;
      this.#isRefused = false;
      try {
        wait = await this.#once();
      } catch {
        // A broken connection is expected; the numbers make the next attempt exact.
      }
      if (this.#stopped) return;
      if (!this.#isRefused) this.#on.down();
      this.#failures += 1;
      const slowest = Math.min(SLOWEST_MS, 400 * 2 ** Math.min(this.#failures - 1, 10));
      await this.#sleep(wait ?? slowest * (0.5 + Math.random() / 2));
    }
  }

  async #once() {
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    let watchdog;
    const alive = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => this.#abort.abort(), SILENCE_MS);
    };
    alive();
    try {
      const response = await fetch(at(this.#url), {
        headers: {
          ...this.#headers(),
          Accept: "text/event-stream",
          "Last-Event-ID": String(this.#after),
        },
        cache: "no-store",
        credentials: "same-origin",
        signal,
      });
      if (!response.ok || !response.body) {
        const error = await refusal(response);
        if (error.lost) {
          this.#stopped = true;
          this.#on.lost();
        } else if (error.crowd) {
          this.#isRefused = true;
          this.#on.refused(error.crowd);
        }
        return error.retryAfter ? error.retryAfter * 1000 : null;
      }
      this.#on.open();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return null;
        alive();
        this.#failures = 0;
        for (const { event, data, id } of parser.feed(value)) this.#take(event, data, id);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  #take(event, data, id) {
    // A number that was seen already is a repeat of the resumed stream.
    if (id !== null && id <= this.#after) return;
    if (id !== null) this.#after = id;
    let parsed;
    try {
      parsed = JSON.parse(data);
    } catch {
      return;
    }
    this.#on.event(event, parsed, id);
  }

  #sleep(ms) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
