// One stream for all tabs of a conversation: browsers allow six connections to a host, and a
// widget sits on every page of a shop. The tab that holds the lock reads, the others listen in.

import { EventStream } from "../core/stream.js";

const ANSWER_MS = 1_500;
const CHECK_MS = 20_000;

export class SharedStream {
  #name;
  #url;
  #headers;
  #after;
  #on;
  #channel = null;
  #stream = null;
  #stopped = false;
  #heard = 0;
  #isOpen = false;
  #timer = null;
  #release = null;

  /** `after()` is the number of the last event this tab knows; `on` as in EventStream. */
  constructor(id, { url, headers, after, on }) {
    this.#name = `contact-center.stream.${id}`;
    this.#url = url;
    this.#headers = headers;
    this.#after = after;
    this.#on = on;
  }

  start() {
    if (!navigator.locks || !window.BroadcastChannel) {
      this.#lead();
      return;
    }
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#stand({});
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
    this.#channel.postMessage({ kind: "hello" });
  }

  stop() {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#stream?.stop();
    this.#stream = null;
    this.#release?.();
    this.#channel?.close();
  }

  /** The network is back, or somebody looks at this tab: make sure that the stream lives. */
  nudge() {
    if (this.#stream) this.#stream.nudge();
    else this.#check();
  }

  #stand(options) {
    navigator.locks
      .request(this.#name, options, () => {
        if (this.#stopped) return undefined;
        return new Promise((resolve) => {
          this.#release = resolve;
          this.#lead();
        });
      })
      .catch(() => {
        if (this.#stopped) return;
        if (!this.#stream) {
          // No locks here (a browser that isolates frames strictly): a stream of our own.
          this.#channel.close();
          this.#channel = null;
          this.#lead();
          return;
        }
        // Another tab took over because it heard nothing from us: listen in from now on.
        this.#stream.stop();
        this.#stream = null;
        this.#stand({});
      });
  }

  #lead() {
    this.#stream = new EventStream(this.#url, {
      headers: this.#headers,
      after: this.#after(),
      on: {
        event: (name, data, id) => this.#tell({ kind: "event", name, data, id }),
        open: () => this.#tell({ kind: "open" }),
        down: () => this.#tell({ kind: "down" }),
        refused: (crowd) => this.#tell({ kind: "refused", crowd }),
        lost: () => this.#tell({ kind: "lost" }),
      },
    });
    this.#stream.start();
  }

  #tell(item) {
    this.#channel?.postMessage(item);
    this.#apply(item);
  }

  #hear(item) {
    this.#heard = Date.now();
    if (item.kind === "hello") {
      if (this.#stream) this.#channel.postMessage({ kind: this.#isOpen ? "open" : "down" });
      return;
    }
    this.#apply(item);
  }

  #apply(item) {
    if (this.#stopped) return;
    if (item.kind === "event") {
      this.#on.event(item.name, item.data, item.id);
      return;
    }
    const opened = item.kind === "open";
    if (opened && this.#isOpen) return;
    this.#isOpen = opened;
    this.#on[item.kind](item.crowd);
  }

  #check() {
    if (this.#stream || this.#stopped || !this.#channel || document.hidden) return;
    const asked = Date.now();
    this.#channel.postMessage({ kind: "hello" });
    setTimeout(() => {
      // The leading tab sleeps (phones do that) but keeps the lock.
      const silent = this.#heard < asked && !this.#stream && !this.#stopped;
      if (silent) this.#stand({ steal: true });
    }, ANSWER_MS);
  }
}
