// Draws the lines of a conversation; one element a message, kept while the message lives.

import { filesOf } from "./attach.js";
import { icon, make, markup, outsideLink, safeUrl } from "./dom.js";

const GROUP_MS = 5 * 60_000;

export class MessageList {
  #log;
  #live;
  #words;
  #act;
  #shown = ""; // of the growing answer
  #drawn = new Map(); // key -> {node, print}

  /** `act`: {retry(id), discard(id)}. */
  constructor({ log, live, words, act }) {
    this.#log = log;
    this.#live = live;
    this.#words = words;
    this.#act = act;
  }

  /** Bring the page in line with the conversation, touching only what changed. */
  draw(conversation) {
    const wanted = [];
    let before = null;
    for (const item of [...conversation.messages, ...conversation.pending]) {
      const at = new Date(item.at);
      if (!before || at.toDateString() !== new Date(before.at).toDateString()) {
        const day = this.#words.day(at);
        wanted.push([`day ${at.toDateString()}`, day, () => dayLine(day)]);
      }
      const author = item.author ?? "customer";
      const follows = before !== null && (before.author ?? "customer") === author
        && at - new Date(before.at) < GROUP_MS;
      const name = authorName(author, item, conversation, this.#words);
      const print = JSON.stringify([item, follows, name, this.#words.language]);
      wanted.push([
        item.key ?? item.client_id ?? item.id,
        print,
        () => this.#message({ ...item, author }, { follows, name }),
      ]);
      before = item;
    }
    this.#reconcile(wanted);
    this.#drawLive(conversation, before);
  }

  /** Forget everything drawn, for another language or another conversation. */
  clear() {
    this.#drawn.clear();
    this.#log.replaceChildren();
    this.#live.replaceChildren();
  }

  #reconcile(wanted) {
    const keys = new Set(wanted.map(([key]) => key));
    for (const [key, { node }] of this.#drawn) {
      if (keys.has(key)) continue;
      node.remove();
      this.#drawn.delete(key);
    }
    let cursor = this.#log.firstChild;
    for (const [key, print, build] of wanted) {
      let drawn = this.#drawn.get(key);
      if (!drawn) {
        drawn = { node: build(), print };
        this.#drawn.set(key, drawn);
      } else if (drawn.print !== print) {
        const fresh = build();
        if (drawn.node === cursor) cursor = fresh;
        drawn.node.replaceWith(fresh);
        fresh.classList.add("settled");
        drawn = { node: fresh, print };
        this.#drawn.set(key, drawn);
      }
      if (drawn.node === cursor) cursor = cursor.nextSibling;
      else this.#log.insertBefore(drawn.node, cursor);
    }
  }

  // The growing answer stands outside the log, so that it is read aloud once, when it is whole.
  #drawLive(conversation, before) {
    if (!conversation.live) {
      this.#live.replaceChildren();
      this.#shown = "";
      return;
    }
    if (this.#shown === conversation.live) return;
    this.#shown = conversation.live;
    const follows = before?.author === "ai";
    const article = this.#shell("ai", { follows, name: this.#words.say("author.ai") });
    const body = make("div", { className: "body drawn", dir: "auto" }, markup(conversation.live));
    article.append(body);
    article.classList.add("growing");
    this.#live.replaceChildren(article);
  }

  #shell(author, { follows, name, checked = false }) {
    const article = make("article", { className: `message from-${author}` });
    if (follows) article.classList.add("follows");
    const byline = make("header", { className: "byline" });
    if (author === "ai" || author === "agent") {
      const drawing = make("span", { className: "avatar" });
      drawing.append(icon(author === "ai" ? "spark" : "person"));
      byline.append(drawing);
    }
    byline.append(make("span", { className: "name" }, name));
    if (checked) {
      byline.append(
        make("span", { className: "checked" }, icon("check"), this.#words.say("log.checked")),
      );
    }
    article.append(byline);
    return article;
  }

  #message(item, { follows, name }) {
    const { author } = item;
    const article = this.#shell(author, { follows, name, checked: Boolean(item.checked) });
    const body = make("div", { className: author === "customer" ? "body" : "body drawn", dir: "auto" });
    body.append(item.html ? markup(item.html) : item.text);
    const files = filesOf(item, this.#words);
    if (files) {
      if (item.text) files.classList.add("below-words");
      body.append(files);
    }
    for (const mark of body.querySelectorAll(".mark > *")) this.#label(mark, item.citations);
    article.append(body);
    const sources = this.#sources(item);
    if (sources) article.append(sources);
    article.append(this.#meta(item));
    return article;
  }

  /** The mark of a source says in the reader's language which one it is. */
  #label(mark, citations) {
    const n = Number(mark.textContent);
    const label = this.#words.say("log.source", { n, title: citations[n - 1]?.title ?? "" });
    mark.title = label;
    mark.setAttribute("aria-label", label);
    if (mark.localName !== "a") mark.setAttribute("role", "img");
  }

  #sources(item) {
    if (!item.citations?.length) return null;
    const list = make("ol");
    item.citations.forEach((citation, index) => {
      const url = safeUrl(citation.url);
      const title = citation.title || citation.url || String(index + 1);
      const entry = make("li");
      if (url) {
        const link = outsideLink(url, title);
        link.append(make("span", { className: "visually-hidden" }, ` (${this.#words.say("log.new_tab")})`));
        entry.append(link);
      } else {
        entry.append(make("span", { dir: "auto" }, title));
      }
      list.append(entry);
    });
    const label = this.#words.say("log.sources");
    return make("footer", { className: "sources" }, make("span", { className: "label" }, label), list);
  }

  #meta(item) {
    const at = new Date(item.at);
    const meta = make("p", { className: "meta" });
    if (item.state && item.state !== "sending") {
      meta.classList.add("unsent");
      const say = item.state === "failed" ? "log.failed" : "log.refused";
      meta.append(
        make("span", {}, this.#words.say(say), item.detail ? ` ${item.detail}` : ""),
        this.#button("log.retry", () => this.#act.retry(item.id)),
        this.#button("log.discard", () => this.#act.discard(item.id)),
      );
      return meta;
    }
    if (item.state === "sending") {
      meta.append(this.#words.say("log.sending"));
      return meta;
    }
    meta.append(
      make("time", { dateTime: item.at, title: this.#words.moment(at) }, this.#words.time(at)),
    );
    return meta;
  }

  #button(name, onclick) {
    return make("button", { type: "button", className: "link", onclick }, this.#words.say(name));
  }
}

/** How the author of a message is called. */
export function authorName(author, item, conversation, words) {
  if (author === "agent") return item.name || words.say("author.agent");
  return words.say(`author.${author}`);
}

function dayLine(text) {
  return make("p", { className: "day" }, make("span", {}, text));
}
