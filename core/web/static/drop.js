// Files that are dropped on a card, or chosen in it: sent one after the other, with their progress.

import { ApiError, at } from "./http.js";
import { toast } from "./say.js";

const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";

/** Sends one file as it is; `onShare` hears which share of it has gone. Rejects with ApiError. */
function send(path, file, onShare) {
  return new Promise((resolve, reject) => {
    // What of a body has gone only this old interface says.
    const call = new XMLHttpRequest();
    call.open("POST", at(path));
    call.setRequestHeader("X-CSRF-Token", csrf);
    call.setRequestHeader("Content-Type", "application/octet-stream");
    call.setRequestHeader("Accept", "application/json");
    call.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onShare(event.loaded / event.total);
    });
    call.addEventListener("error", () => {
      reject(new ApiError(0, { detail: document.body.dataset.unreachable }));
    });
    call.addEventListener("load", () => {
      let answer = null;
      try {
        answer = JSON.parse(call.responseText);
      } catch {
        // An answer without words.
      }
      if (call.status < 300) resolve(answer);
      else reject(new ApiError(call.status, answer ?? {}));
    });
    call.send(file);
  });
}

/**
 * Makes a card take files. `address(file)` says where each goes, `done(answer, file)` hears what
 * became of it, and `after()` once all are through.
 */
export function takesFiles(card, { address, done, after }) {
  const input = card.querySelector('input[type="file"]');
  const bar = card.querySelector("progress");

  async function take(files) {
    let sent = 0;
    if (bar) bar.hidden = false;
    card.setAttribute("aria-busy", "true");
    for (const file of files) {
      if (bar) bar.value = 0;
      try {
        done(await send(address(file), file, (share) => bar && (bar.value = share)), file);
        sent += 1;
      } catch (error) {
        toast(`${file.name}: ${error.message}`, { bad: true });
      }
    }
    if (bar) bar.hidden = true;
    card.removeAttribute("aria-busy");
    input.value = "";
    if (sent) after();
  }

  input.addEventListener("change", () => take([...input.files]));
  for (const name of ["dragover", "dragenter"]) {
    card.addEventListener(name, (event) => {
      event.preventDefault();
      card.classList.add("dropping");
    });
  }
  card.addEventListener("dragleave", (event) => {
    if (!card.contains(event.relatedTarget)) card.classList.remove("dropping");
  });
  card.addEventListener("drop", (event) => {
    event.preventDefault();
    card.classList.remove("dropping");
    take([...event.dataTransfer.files]);
  });
}
