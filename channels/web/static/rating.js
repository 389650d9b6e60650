// "Was this helpful?": one to five, once a conversation, and changeable.

import { icon, make } from "./dom.js";

const SCORES = [1, 2, 3, 4, 5];

export class Rating {
  #root;
  #words;
  #rate;
  #state = "closed"; // closed, asking, thanked, commented
  #chosen = 0;
  #failed = false;
  #walks = false;

  /** `rate(score, comment)` resolves to whether it is stored. */
  constructor({ root, words, rate }) {
    this.#root = root;
    this.#words = words;
    this.#rate = rate;
  }

  /** Show the question when there is something to rate, and what was given before. */
  draw(conversation) {
    const answered = conversation.messages.some((m) => m.author === "ai" || m.author === "agent");
    const quiet = !conversation.awaits && !conversation.live && conversation.status !== "review";
    const visible = answered && (quiet || this.#busyHere());
    if (!answered) this.#chosen = 0;
    if (conversation.score && !this.#chosen) this.#chosen = conversation.score;
    if (!visible) {
      this.#show("closed");
    } else if (this.#state === "closed") {
      this.#show(this.#chosen ? "thanked" : "asking");
    }
  }

  /** Draw again in another language. */
  translate() {
    this.#build();
  }

  #busyHere() {
    return this.#root.contains(document.activeElement);
  }

  #show(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#build();
  }

  #build() {
    this.#root.hidden = this.#state === "closed";
    this.#root.replaceChildren();
    if (this.#state === "closed") return;
    this.#root.append(this.#state === "asking" ? this.#question() : this.#thanks());
    if (this.#failed) {
      const text = this.#words.say("rating.failed");
      this.#root.append(make("p", { className: "trouble", role: "alert" }, text));
    }
  }

  #question() {
    const group = make("fieldset");
    group.append(make("legend", {}, this.#words.say("rating.question")));
    const stars = make("div", { className: "stars" });
    for (const score of SCORES) {
      const input = make("input", {
        type: "radio",
        name: "score",
        value: String(score),
        checked: score === this.#chosen,
        "aria-label": this.#label(score),
      });
      // Arrow keys walk through the scores; a click, Enter or Space gives one. Browsers report
      // the walk as clicks too.
      input.addEventListener("keydown", (event) => {
        this.#walks = event.key.startsWith("Arrow");
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.#give(score);
      });
      input.addEventListener("keyup", () => {
        this.#walks = false;
      });
      input.addEventListener("click", () => {
        if (!this.#walks) this.#give(score);
      });
      const star = make("label", { title: this.#label(score) }, input, icon("star"));
      stars.append(star);
    }
    group.append(stars);
    return group;
  }

  #thanks() {
    const box = make("div", { className: "thanks" });
    const text = this.#words.say("rating.thanks", { n: this.#chosen });
    const change = make("button", { type: "button", className: "link" }, this.#words.say("rating.change"));
    change.addEventListener("click", () => {
      this.#show("asking");
      const chosen = this.#root.querySelector("input:checked");
      (chosen ?? this.#root.querySelector("input")).focus();
    });
    box.append(make("p", { role: "status" }, text, " ", change));
    if (this.#state === "commented") {
      box.append(make("p", { role: "status" }, this.#words.say("rating.comment_thanks")));
    } else if (this.#chosen <= 3) {
      box.append(this.#comment());
    }
    return box;
  }

  #comment() {
    const label = this.#words.say("rating.comment");
    const field = make("input", {
      type: "text", maxLength: 1000, placeholder: label, "aria-label": label,
    });
    const send = make("button", { type: "submit", className: "quiet" }, this.#words.say("rating.comment_send"));
    const form = make("form", { className: "comment" }, field, send);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const comment = field.value.trim();
      if (!comment || send.disabled) return;
      send.disabled = true;
      this.#failed = !(await this.#rate(this.#chosen, comment));
      if (this.#failed) this.#build();
      else this.#show("commented");
    });
    return form;
  }

  async #give(score) {
    const before = this.#chosen;
    this.#chosen = score;
    this.#failed = false;
    this.#state = "thanked";
    this.#build();
    this.#root.querySelector("button, input")?.focus({ preventScroll: true });
    if (await this.#rate(score, "")) return;
    this.#chosen = before;
    this.#failed = true;
    this.#state = "asking";
    this.#build();
  }

  #label(score) {
    if (score === 1) return this.#words.say("rating.lowest");
    if (score === 5) return this.#words.say("rating.highest");
    return this.#words.say("rating.score", { n: score });
  }
}
