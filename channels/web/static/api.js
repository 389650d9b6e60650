// The conversations API as the chat page uses it.

const TIMEOUT_MS = 15_000;

/** What the server answered instead of what we hoped for; `status` 0 is no answer at all. */
export class ApiError extends Error {
  constructor(status, { title = "", detail = "" } = {}, retryAfter = 0) {
    super(detail || title || `status ${status}`);
    this.status = status;
    this.detail = detail || title;
    this.retryAfter = retryAfter;
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Whether this conversation is not ours (any more). */
  get lost() {
    return [401, 403, 404, 410].includes(this.status);
  }
}

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

  start(locale) {
    return this.#call("POST", "/api/conversations", { locale });
  }

  conversation(id) {
    return this.#call("GET", `/api/conversations/${encodeURIComponent(id)}`);
  }

  send(id, text, clientId) {
    return this.#post(id, "messages", { text, client_id: clientId });
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

  eventsUrl(id) {
    return `/api/conversations/${encodeURIComponent(id)}/events`;
  }

  #post(id, what, body) {
    return this.#call("POST", `/api/conversations/${encodeURIComponent(id)}/${what}`, body);
  }

  async #call(method, url, body) {
    const headers = { ...this.headers(), Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response;
    try {
      response = await fetch(url, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
        credentials: "same-origin",
        signal: AbortSignal.timeout?.(TIMEOUT_MS),
      });
    } catch {
      throw new ApiError(0);
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    throw new ApiError(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
  }
}
