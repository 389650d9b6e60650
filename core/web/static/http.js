// Calls our own API: JSON in and out, and one kind of error for whatever goes wrong.

/** The path below which we are served, "" for a host of our own; scripts lie in assets/<version>/core. */
export const root = new URL("../../..", import.meta.url).pathname.replace(/\/$/, "");

/** One of our paths as the browser must ask for it; twice is as once. */
export const at = (path) => (path.startsWith(`${root}/`) ? path : root + path);

/** What the server refused, in its own words (`problem` is all of it); status 0: no answer came. */
export class ApiError extends Error {
  constructor(status, problem = {}, retryAfter = 0) {
    super(problem.detail || problem.title || `status ${status}`);
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter; // seconds the server asks us to wait
  }

  /** What the server said of it; "" for nothing. */
  get detail() {
    return this.problem.detail || this.problem.title || "";
  }

  /** Whether the same request may succeed later. */
  get passing() {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }

  /** Whether this conversation is not ours (any more). */
  get lost() {
    return [401, 403, 404, 410].includes(this.status);
  }

  /** Of what there is too much, as the name of its words; "" when that is not the matter. */
  get crowd() {
    const { limit, scope } = this.problem;
    if (limit === "closed") return "closed"; // switched off: nothing of which there is too much
    if (limit === "full") return "full";
    if (limit === "streams") return scope === "conversation" ? "windows" : "reading";
    if (limit && scope !== "conversation") return scope ?? "";
    return this.status === 429 ? "messages" : "";
  }
}

/** The answer's JSON (null for none). Rejects with ApiError, or as `signal` says when it aborts. */
export async function request(path, { method = "GET", body, headers = {}, signal, timeout } = {}) {
  const ends = timeout ? AbortSignal.timeout?.(timeout) : signal;
  const isFile = body instanceof Blob; // sent as it is: its type is found out by its content
  const kind = isFile ? "application/octet-stream" : "application/json";
  let response;
  let text;
  try {
    response = await fetch(at(path), {
      method,
      headers: {
        ...headers,
        Accept: "application/json",
        ...(body === undefined ? {} : { "Content-Type": kind }),
      },
      body: body === undefined || isFile ? body : JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
      signal: ends,
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0);
  }
  if (!response.ok) throw await refusal(response, text);
  return parsed(text);
}

/** A refused answer as an error. */
export async function refusal(response, text = "") {
  const body = text || (await response.text().catch(() => ""));
  const problem = parsed(body) ?? { detail: response.statusText };
  return new ApiError(response.status, problem, Number(response.headers.get("Retry-After")) || 0);
}

function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}
