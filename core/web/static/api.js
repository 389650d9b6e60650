// The API as staff uses it: with the session's CSRF token, and to the door when the session is over.

import { ApiError, at, request, root } from "./http.js";
import { fill, toast } from "./say.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** The answer's JSON (null for none). Rejects with ApiError. */
export async function api(path, { method = "GET", ...more } = {}) {
  const headers = method === "GET" ? {} : { "X-CSRF-Token": csrf };
  try {
    const answer = await request(path, { method, headers, ...more });
    if (method !== "GET") document.dispatchEvent(new CustomEvent("activity"));
    return answer;
  } catch (error) {
    if (error.status === 401) {
      const here = location.pathname.slice(root.length) + location.search;
      location.assign(at(`/login?next=${encodeURIComponent(here)}`));
    }
    // The browser's own words for it are English and of no use to anybody.
    if (error.status === 0) throw new ApiError(0, { detail: document.body.dataset.unreachable });
    const by = error.problem?.held_by;
    if (by && document.body.dataset.held) {
      const detail = fill(document.body.dataset.held, { by });
      throw new ApiError(error.status, { ...error.problem, detail });
    }
    throw error;
  }
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
