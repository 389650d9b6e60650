// The inbox: kept current while one reads, worked by keyboard, and acted on many at once.

import { act, api } from "../core/api.js";
import { follow, live } from "../core/live.js";
import { announce, toast, wordsOf } from "../core/say.js";
import { later } from "./snooze.js";

const inbox = document.getElementById("inbox");
const find = document.getElementById("find");
const bulk = document.getElementById("bulk");
const help = document.getElementById("help");
const say = wordsOf(inbox);
const locale = document.documentElement.lang;
const chosen = new Set();
let current = ""; // id of the row that the keyboard is at

const rows = () => [...inbox.querySelectorAll(".inbox-row")];
const rowOf = (id) => inbox.querySelector(`.inbox-row[data-id="${CSS.escape(id)}"]`);

function times() {
  const today = new Date().toDateString();
  for (const time of inbox.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const short =
      at.toDateString() === today ? { timeStyle: "short" } : { month: "short", day: "numeric" };
    time.textContent = time.classList.contains("since")
      ? ago(at)
      : at.toLocaleString(locale, short);
    time.title = at.toLocaleString(locale);
  }
}

/** How long ago, in the reader's language and the unit that says most. */
function ago(at) {
  const seconds = Math.max(0, (Date.now() - at) / 1000);
  const [size, unit] = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
  ].find(([limit]) => seconds >= limit) ?? [60, "minute"];
  const count = Math.max(1, Math.floor(seconds / size));
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "short" }).format(count);
}

function mark() {
  for (const row of rows()) {
    row.querySelector("[data-pick]").checked = chosen.has(row.dataset.id);
    if (row.dataset.id === current) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
  }
  bulk.hidden = chosen.size === 0;
  bulk.querySelector("[data-chosen]").textContent = say("chosen", { count: chosen.size });
}

function draw(page) {
  const focused = document.activeElement?.closest?.(".inbox-row")?.dataset.id;
  const onPick = document.activeElement?.matches?.("[data-pick]");
  const before = Number(inbox.firstElementChild.dataset.total);
  inbox.replaceChildren(page.querySelector(".inbox"));
  const here = new Set(rows().map((row) => row.dataset.id));
  for (const id of chosen) if (!here.has(id)) chosen.delete(id);
  times();
  mark();
  if (focused) rowOf(focused)?.querySelector(onPick ? "[data-pick]" : "[data-open]").focus();
  const now = Number(inbox.firstElementChild.dataset.total);
  if (now !== before) announce(inbox.querySelector("[data-heading]").textContent);
}

const { refresh, soon } = follow({
  url: () => `/console/inbox/rows${location.search}`,
  draw,
  lost: (time) => say("lost", { time }),
});

function go(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((row) => row.dataset.id === current);
  const row = all[Math.min(all.length - 1, Math.max(0, at + step))];
  current = row.dataset.id;
  row.querySelector("[data-open]").focus();
  mark();
}

function choose(id, yes = !chosen.has(id)) {
  if (yes) chosen.add(id);
  else chosen.delete(id);
  mark();
}

inbox.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick]")) choose(event.target.value, event.target.checked);
});

inbox.addEventListener("focusin", (event) => {
  const row = event.target.closest(".inbox-row");
  if (!row || row.dataset.id === current) return;
  current = row.dataset.id;
  mark();
});

/** The fields that acts need, and the words for one that is empty. */
const FIELDS = {
  assign: [bulk.elements.to, "to_whom"],
  tag: [bulk.elements.tag, "which_tag"],
  untag: [bulk.elements.tag, "which_tag"],
  note: [bulk.elements.text, "which_note"],
};

/** Why it was not done to one of them; a colleague who is none is the same for all. */
const refusal = (one, act) =>
  one.why === "invalid" && act !== "assign"
    ? one.detail
    : say(`refused.${one.why}`, { by: one.held_by });

bulk.addEventListener("submit", (event) => event.preventDefault());
bulk.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-bulk]");
  if (!button) return;
  const name = button.dataset.bulk;
  if (name === "none") {
    chosen.clear();
    return mark();
  }
  const [field, missing] = FIELDS[name] ?? [];
  if (field && !field.value.trim()) {
    field.focus();
    return toast(say(missing), { bad: true });
  }
  const body = { ids: [...chosen], act: name };
  if (name === "assign") body.to = field.value.trim();
  if (name === "tag" || name === "untag") body.tags = [field.value.trim()];
  if (name === "note") body.text = field.value.trim();
  if (name === "snooze") body.until = later(bulk.elements.until.value);
  let answer;
  const done = await act(button, async () => {
    answer = await api("/api/inbox/bulk", { method: "POST", body });
  });
  if (!done) return;
  if (answer.done.length) toast(say("done", { count: answer.done.length }));
  for (const why of new Set(answer.refused.map((one) => refusal(one, name)))) toast(why, { bad: true });
  if (field) field.value = "";
  bulk.querySelector("details").open = false;
  chosen.clear();
  for (const { id } of answer.refused) chosen.add(id);
  refresh();
});

// What is chosen from a list is searched for at once; a date is not finished while it is typed.
find.addEventListener("change", (event) => {
  if (event.target.matches("select")) find.requestSubmit();
});
find.addEventListener("submit", () => {
  for (const field of find.elements) if (field.name && !field.value) field.disabled = true;
});
addEventListener("pageshow", () => {
  for (const field of find.elements) field.disabled = false;
});

const keys = {
  j: () => go(1),
  k: () => go(-1),
  o: () => current && rowOf(current)?.querySelector("[data-open]").click(),
  x: () => current && choose(current),
  s() {
    if (!chosen.size) return;
    bulk.querySelector("details").open = true;
    bulk.elements.until.focus();
  },
  "/": () => find.elements.q.focus(),
  "?": () => help.showModal(),
  Escape() {
    chosen.clear();
    mark();
  },
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
  if (event.key === "Escape" && event.target === find.elements.q) return event.target.blur();
  if (typing || help.open || event.ctrlKey || event.metaKey || event.altKey) return;
  const does = keys[event.key];
  if (!does) return;
  event.preventDefault();
  does();
});
document.getElementById("help-open").addEventListener("click", () => help.showModal());

live({ change: soon }, soon);
setInterval(times, 30000);
times();
mark();
