// The page's place: a window of its own, or the frame of a widget, and how tall it may be.

const FROM = "contact-center";
const ANSWER_MS = 1_000;

export class Frame {
  embedded;
  isOpen = true;
  #onOpen = () => {};
  #onWish = () => {};
  #wish = null;
  #said = "";
  #counted = -1;
  #answered = () => {};
  #kept = new Promise((resolve) => {
    this.#answered = resolve;
  });

  /** `opened` is called when the widget shows the page and wants the focus in it. */
  constructor({ embedded, opened }) {
    this.embedded = embedded && window.parent !== window;
    this.#fit();
    if (!this.embedded) return;
    this.isOpen = false;
    window.addEventListener("message", ({ source, data }) => {
      if (source !== window.parent || data?.from !== FROM) return;
      this.#answered(data.kept ?? null);
      if (data.wish) this.#onWish((this.#wish = data.wish));
      if (data.say === "opened") {
        this.isOpen = true;
        this.#onOpen();
        if (data.focus) opened();
      } else if (data.say === "closed") {
        this.isOpen = false;
      }
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
      if (document.querySelector("dialog[open]")) return;
      this.close();
    });
    this.#tell({ say: "ready" });
  }

  onOpen(callback) {
    this.#onOpen = callback;
  }

  /** `callback(wish)` hears what the page around us wants and knows: {greeting, ask, visitor}. */
  onWish(callback) {
    this.#onWish = callback;
    if (this.#wish) callback(this.#wish);
  }

  close() {
    if (this.embedded) this.#tell({ say: "close" });
  }

  unread(count) {
    if (!this.embedded || count === this.#counted) return;
    this.#counted = count;
    this.#tell({ say: "unread", count });
  }

  /** A message has come from this author; what it says is nobody's business but the customer's. */
  arrived(author) {
    if (this.embedded) this.#tell({ say: "message", author });
  }

  /** What the site's page remembered for us; null when it does not answer. */
  kept() {
    const late = new Promise((resolve) => setTimeout(() => resolve(null), ANSWER_MS));
    return Promise.race([this.#kept, late]);
  }

  /** Let the site's page remember it, for the next page of the same tab. */
  keep(kept) {
    this.#tell({ say: "keep", kept });
  }

  /** Whether there is a conversation to wait for, so that the site's next page loads us at once. */
  using(isUsed) {
    const say = isUsed ? "started" : "left";
    if (!this.embedded || say === this.#said) return;
    this.#said = say;
    this.#tell({ say });
  }

  // "Open me", "close me", a number; and, only where the browser refuses us storage, what we
  // would have stored: it opens this conversation, which the page around us started, and no other.
  #tell(message) {
    window.parent.postMessage({ from: FROM, ...message }, "*");
  }

  // On phones the keyboard covers the page; the visual viewport says what is left.
  #fit() {
    const viewport = window.visualViewport;
    if (!viewport) return;
    const fit = () => {
      const style = document.documentElement.style;
      style.setProperty("--seen-height", `${Math.round(viewport.height * viewport.scale)}px`);
      if (viewport.scale === 1) window.scrollTo(0, 0);
    };
    viewport.addEventListener("resize", fit);
    fit();
  }
}
