// Talks to our own API: JSON in and out, the session's CSRF token on writes, problems as errors.

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** What the server refused, in its own words (`problem` is all of it); status 0: no answer came. */
export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || problem.title || String(status));
    this.status = status;
    this.problem = problem;
  }
}

/** The answer's JSON (null for none). Rejects with ApiError. */
export async function api(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET") headers["X-CSRF-Token"] = csrf;
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    text = await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    // The browser's own words for it are English and of no use to anybody.
    throw new ApiError(0, { detail: document.body.dataset.unreachable });
  }
  let data = null;
  try {
    data = text ? JSON.parse(text) : null;
  } catch {
    data = { detail: response.statusText };
  }
  if (!response.ok) {
    if (response.status === 401) {
      location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
    }
    throw new ApiError(response.status, data ?? {});
  }
  if (method !== "GET") document.dispatchEvent(new CustomEvent("activity"));
  return data;
}

/** Shows a short message; screen readers hear it too. */
export function toast(text, { bad = false } = {}) {
  const item = document.createElement("div");
  item.className = bad ? "toast bad" : "toast";
  item.textContent = text;
  document.getElementById("toasts")?.append(item);
  setTimeout(() => item.remove(), bad ? 8000 : 4000);
}

/** Runs an action of a button: disabled meanwhile, errors shown. Gives true when it worked. */
export async function act(button, action) {
  button.disabled = true;
  try {
    await action();
    return true;
  } catch (error) {
    toast(error.message, { bad: true });
    return false;
  } finally {
    button.disabled = false;
  }
}
