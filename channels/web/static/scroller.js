// Keeps the newest message in sight while the reader is at the end, and never pulls them there.

const NEAR = 96;

export class Scroller {
  #pane;
  #button;
  #isAtStart;
  #sticky = true;
  #height = 0;

  /** `isAtStart` says whether nothing has been said yet: a welcome is read from its top. */
  constructor({ pane, button, isAtStart = () => false }) {
    this.#pane = pane;
    this.#button = button;
    this.#isAtStart = isAtStart;
    pane.addEventListener("scroll", () => {
      // Who reads the welcome has left nothing: what comes next is shown.
      this.#sticky = this.#isAtStart() || this.#distance() < NEAR;
      if (this.#sticky) button.hidden = true;
    }, { passive: true });
    new ResizeObserver(() => {
      if (this.#sticky) this.#toEnd();
    }).observe(pane);
  }

  /** Go to the end and stay there. */
  stick() {
    this.#sticky = true;
    this.#button.hidden = true;
    this.#toEnd();
  }

  /** Run a change of the content without losing the reader's place. */
  keep(change) {
    change();
    const height = this.#pane.scrollHeight;
    const grew = height > this.#height + 8;
    this.#height = height;
    if (this.#sticky) this.#toEnd();
    else if (grew) this.#button.hidden = false;
  }

  #distance() {
    return this.#pane.scrollHeight - this.#pane.scrollTop - this.#pane.clientHeight;
  }

  #toEnd() {
    this.#pane.scrollTop = this.#isAtStart() ? 0 : this.#pane.scrollHeight;
  }
}
