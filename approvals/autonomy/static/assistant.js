// What the assistant may do: brings in the part of another slice, with its own style and script.

import { at } from "../core/http.js";

async function bring(part) {
  const answer = await fetch(at(part.dataset.part), { headers: { Accept: "text/html" } });
  if (answer.redirected || !answer.ok) throw new Error(answer.statusText);
  part.innerHTML = await answer.text();
  part.removeAttribute("aria-busy");
  const root = part.firstElementChild;
  if (root?.dataset.style) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = root.dataset.style;
    document.head.append(link);
  }
  if (root?.dataset.script) (await import(root.dataset.script)).begin(part, () => bring(part));
}

for (const part of document.querySelectorAll("[data-part]")) {
  try {
    await bring(part);
  } catch {
    part.removeAttribute("aria-busy");
    part.querySelector(".empty").textContent = document.querySelector("[data-failed]").dataset.failed;
  }
}

// What came later has moved the place that the address names.
if (location.hash) document.querySelector(`#${CSS.escape(location.hash.slice(1))}`)?.scrollIntoView();
