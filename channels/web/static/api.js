// The conversations API as the chat page uses it.

import { request } from "../core/http.js";

const TIMEOUT_MS = 15_000;
const UPLOAD_MS = 180_000;

/** One visitor's calls; the token is asked for at each call because it can change. */
export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  /** The headers that say who we are. */
  headers = () => {
    const token = this.#token();
    return token ? { Authorization: `Bearer ${token}` } : {};
  };

  /** `visitor` is {name, email, id, signature}, each as far as it is known. */
  start(locale, visitor) {
    return this.#call("POST", "/api/conversations", { locale, visitor });
  }

  conversation(id) {
    return this.#call("GET", `/api/conversations/${encodeURIComponent(id)}`);
  }

  send(id, text, clientId, files = []) {
    const attachments = files.map((file) => file.id);
    return this.#post(id, "messages", { text, client_id: clientId, attachments });
  }

  /** Upload a file for a message that is still being written. */
  upload(id, file) {
    const path = `/api/conversations/${encodeURIComponent(id)}/attachments`;
    const url = `${path}?name=${encodeURIComponent(file.name)}`;
    const how = { method: "POST", body: file, headers: this.headers(), timeout: UPLOAD_MS };
    return request(url, how);
  }

  typing(id) {
    return this.#post(id, "typing");
  }

  human(id) {
    return this.#post(id, "human");
  }

  rate(id, score, comment) {
    return this.#post(id, "rating", comment ? { score, comment } : { score });
  }

  /** What is true of the whole chat: whether it is a demonstration. */
  chat() {
    return this.#call("GET", "/api/chat");
  }

  eventsUrl(id) {
    return `/api/conversations/${encodeURIComponent(id)}/events`;
  }

  #post(id, what, body) {
    return this.#call("POST", `/api/conversations/${encodeURIComponent(id)}/${what}`, body);
  }

  #call(method, url, body) {
    return request(url, { method, body, headers: this.headers(), timeout: TIMEOUT_MS });
  }
}
