// Past conversations: files are dropped here, and groups are worked through by keyboard.

import { api } from "../core/api.js";
import { takesFiles } from "../core/drop.js";
import { announce, toast, wordsOf } from "../core/say.js";

const LOOK = 2000; // milliseconds between two looks at files that are being read

const upload = document.getElementById("upload");
const groups = [...document.querySelectorAll(".group")];

/** The page's list of files and what waits, drawn anew; words that somebody is writing stay. */
async function redraw() {
  const page = new DOMParser().parseFromString(
    await (await fetch(location.href, { credentials: "same-origin" })).text(),
    "text/html",
  );
  for (const id of ["files", "candidates"]) {
    const [here, there] = [document.getElementById(id), page.getElementById(id)];
    if (there && !here.contains(document.activeElement)) here.replaceWith(there);
  }
}

/** Follows files until they are read. */
async function follow() {
  let before = "";
  for (;;) {
    const { items } = await api("/api/imports");
    const now = JSON.stringify(items);
    if (now !== before) await redraw();
    before = now;
    if (!items.some((file) => ["waiting", "reading"].includes(file.state))) return;
    await new Promise((resolve) => setTimeout(resolve, LOOK));
  }
}

if (upload) {
  const say = wordsOf(upload);
  takesFiles(upload, {
    address: (file) => {
      const format = upload.querySelector('[name="format"]').value;
      return `/api/imports?name=${encodeURIComponent(file.name)}&format=${format}`;
    },
    done: (_answer, file) => {
      toast(say("sent", { name: file.name }));
      announce(say("sent", { name: file.name }));
    },
    after: () => follow().catch((error) => toast(error.message, { bad: true })),
  });
}

if (document.querySelector('[data-state="waiting"], [data-state="reading"]')) {
  follow().catch((error) => toast(error.message, { bad: true }));
}

const typing = (node) => node.matches?.("input, textarea, select");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const cards = groups.filter((card) => card.isConnected);
  const here = cards.findIndex((card) => card.contains(document.activeElement));
  const card = cards[here];
  const press = (value) => card?.querySelector(`button[value="${value}"]`)?.click();
  const keys = {
    j: () => cards[Math.min(here + 1, cards.length - 1)]?.querySelector("button")?.focus(),
    k: () => cards[Math.max(here - 1, 0)]?.querySelector("button")?.focus(),
    a: () => press("approve"),
    r: () => press("reject"),
    e: () => card?.querySelector("textarea")?.focus(),
  };
  if (!keys[event.key]) return;
  event.preventDefault();
  keys[event.key]();
});
