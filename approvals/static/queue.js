// The queue: cards drawn by the server, kept current, worked by mouse, keyboard or touch.

import { api } from "../core/api.js";
import { ApiError } from "../core/http.js";
import { follow, live } from "../core/live.js";
import { announce, toast, wordsOf } from "../core/say.js";

const queue = document.getElementById("queue");
const say = wordsOf(queue);
const help = document.getElementById("help");
const KEEP_DONE = 60_000; // how long a decided card stays to be read
const MORE = 50; // cards that "show more" adds
const asked = new URLSearchParams(location.search).get("at") ?? ""; // a draft that a link leads to
const undoSeconds = Number(queue.dataset.undo);

let skew = 0; // the server's clock minus ours
let limit = MORE;
let last = ""; // id of the draft that was decided here last
const doneAt = new Map();

const list = () => queue.querySelector(".tickets");
const tickets = () => [...queue.querySelectorAll(".ticket")];
const isWaiting = (card) => card.dataset.state === "pending";
const waiting = () => tickets().filter(isWaiting);
const current = () => queue.querySelector('.ticket[aria-current="true"]');
const form = (card, name) => card.querySelector(`[data-form="${name}"]`);
const busyWriting = (card) => [...card.querySelectorAll("form")].some((f) => !f.hidden);

// Drawing

/** The cards, put in place as they come; what somebody is writing in stays as it is. */
const { refresh, soon } = follow({
  url() {
    const seen = tickets().map((card) => card.dataset.id);
    const at = current()?.dataset.id === asked ? `&at=${encodeURIComponent(asked)}` : "";
    return `${queue.dataset.cards}?limit=${limit}&seen=${encodeURIComponent(seen.join(","))}${at}`;
  },
  draw: (page) => merge(page.querySelector(".tickets")),
  lost: (time) => say("lost_connection", { time }),
});

function merge(fresh) {
  const old = new Map(tickets().map((card) => [card.dataset.id, card]));
  const focused = document.activeElement?.closest?.(".ticket")?.dataset.id;
  const selected = current()?.dataset.id;
  const result = [];
  let news = 0;
  for (const next of fresh.querySelectorAll(".ticket")) {
    const card = old.get(next.dataset.id);
    old.delete(next.dataset.id);
    if (!card) news += 1;
    result.push(!card ? next : merged(card, next));
  }
  const now = Date.now();
  const kept = result.filter((card) => {
    if (card.dataset.state === "pending" || busyWriting(card)) return true;
    if (!doneAt.has(card.dataset.id)) doneAt.set(card.dataset.id, now);
    return now - doneAt.get(card.dataset.id) < KEEP_DONE;
  });
  const before = list();
  const stood = tickets().map((card) => card.dataset.id);
  const rest = [...fresh.children].filter((child) => !child.matches(".ticket"));
  const order = [rest.find((c) => c.matches("[data-heading]")), ...inPlace(kept, stood)];
  order.push(...rest.filter((c) => !c.matches("[data-heading]")));
  before.dataset.now = fresh.dataset.now;
  before.dataset.total = fresh.dataset.total;
  place(before, order.filter(Boolean));
  skew = Date.parse(fresh.dataset.now) - Date.now();
  if (news) announce(say("just_in"));
  if (selected) select(tickets().find((c) => c.dataset.id === selected), { focus: false });
  if (focused && !document.activeElement?.closest?.(".ticket")) {
    tickets().find((card) => card.dataset.id === focused)?.focus({ preventScroll: true });
  }
  count();
  tick();
}

/** The decided ones stay where they stood, so that "next" means what it meant before. */
function inPlace(cards, stood) {
  const order = cards.filter(isWaiting);
  const gone = new Map(cards.filter((c) => !isWaiting(c)).map((c) => [c.dataset.id, c]));
  let at = 0;
  for (const id of stood) {
    const found = order.findIndex((card) => card.dataset.id === id);
    if (found >= 0) at = found + 1;
    else if (gone.has(id)) {
      order.splice(at++, 0, gone.get(id));
      gone.delete(id);
    }
  }
  return [...gone.values(), ...order];
}

/** Put the children in this order, moving only what is out of place: focus survives. */
function place(parent, children) {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, index) => {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  });
}

function merged(card, next) {
  const { doubt } = card.dataset; // a press that nobody answered
  delete card.dataset.doubt;
  if (card.dataset.stamp === next.dataset.stamp) {
    if (doubt) conflict(card, say("not_arrived"));
    return card;
  }
  if (!busyWriting(card)) {
    const told = card.querySelector("[data-conflict]:not([hidden])");
    if (told) conflict(next, doubt ? say("not_arrived") : told.textContent);
    return next;
  }
  // Somebody is writing here: their text stays, and they hear what happened.
  const claimed = next.dataset.state === "pending";
  if (!claimed) {
    const outcome = next.querySelector(".outcome strong")?.textContent ?? "";
    conflict(card, `${outcome} ${say("keep_text")}`);
    for (const button of card.querySelectorAll('[type="submit"]')) button.disabled = true;
    card.dataset.state = next.dataset.state;
  } else {
    card.querySelector("header").replaceWith(next.querySelector("header"));
    if (card.dataset.said !== next.dataset.said) {
      card.querySelector(".since")?.remove();
      card.querySelector(".said").append(next.querySelector(".since"));
      conflict(card, say("said_more"));
    }
    card.dataset.said = next.dataset.said;
    card.dataset.version = next.dataset.version;
    if (doubt) conflict(card, say("not_arrived"));
  }
  // The stamp stays the old one, so that the card is drawn anew once nobody writes in it.
  return card;
}

function count() {
  const total = Number(list().dataset.total);
  document.title = document.title.replace(/^(\(\d+\) )?/, total ? `(${total}) ` : "");
  const bubble = document.querySelector('[data-count="approvals"]');
  if (bubble) {
    bubble.textContent = String(total);
    bubble.hidden = total === 0;
  }
}

function clock(seconds) {
  const whole = Math.floor(Math.abs(seconds));
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const [h, m, s] = parts.map((part) => String(part).padStart(2, "0"));
  return parts[0] ? `${parts[0]}:${m}:${s}` : `${Number(m)}:${s}`;
}

function tick() {
  const now = Date.now() + skew;
  for (const timer of queue.querySelectorAll("[data-deadline]")) {
    const deadline = Date.parse(timer.dataset.deadline);
    const left = (deadline - now) / 1000;
    const share = left / ((deadline - Date.parse(timer.dataset.from)) / 1000);
    timer.textContent = say(left < 0 ? "overdue" : "left", { time: clock(left) });
    timer.classList.toggle("bad", left < 0);
    timer.classList.toggle("warn", left >= 0 && share < 0.25);
  }
}

// Choosing

function select(card, { focus = true } = {}) {
  for (const other of tickets()) other.removeAttribute("aria-current");
  if (!card) return;
  card.setAttribute("aria-current", "true");
  if (focus) {
    card.focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest" });
  }
}

/** The waiting card before or after the chosen one, which itself may be decided meanwhile. */
function step(by) {
  const cards = by > 0 ? tickets() : tickets().reverse();
  const next = cards.slice(cards.indexOf(current()) + 1).find(isWaiting);
  if (next) select(next);
}

/** Ids of what waits below a card, nearest first: where its reader goes on. */
function below(card) {
  const cards = tickets();
  const rest = cards.slice(cards.findIndex((c) => c.dataset.id === card.dataset.id) + 1);
  return rest.filter(isWaiting).map((c) => c.dataset.id);
}

/**
 * Go on to the first of these that still waits. What was passed over above is not chosen by
 * itself: the next press would decide on a card that its reader has put off.
 */
function goOn(ids) {
  const cards = new Map(waiting().map((card) => [card.dataset.id, card]));
  const next = ids.find((id) => cards.has(id));
  if (next) select(cards.get(next));
}

// Deciding

function conflict(card, text) {
  const line = card.querySelector("[data-conflict]");
  if (!line) return;
  line.textContent = text;
  line.hidden = false;
}

function reasonOf(error, path, isWriting) {
  if (!(error instanceof ApiError)) throw error;
  if (error.status === 0) return say(isWriting ? "unreachable_kept" : "unreachable");
  const { decided_by: by, decision, held_by: held } = error.problem;
  if (error.status !== 409) {
    return say(isWriting ? "unsent_kept" : "not_sent", { why: error.message });
  }
  if (held) return say("conflict_held", { by: held });
  if (path === "undo" && !by) return say("conflict_too_late");
  if (decision === "claim") return say("conflict_claim", { by });
  if (decision === "source_changed") return say("conflict_source");
  if (decision === "superseded" || decision === "closed") return say(`conflict_${decision}`);
  if (by && by === queue.querySelector(".tickets").dataset.me) return say("conflict_you");
  return by ? say("conflict", { by }) : say("conflict_changed");
}

async function send(card, path, body) {
  if (card.dataset.busy) return;
  card.dataset.busy = "yes";
  card.setAttribute("aria-busy", "true");
  const buttons = [...card.querySelectorAll("button")].filter((button) => !button.disabled);
  for (const button of buttons) button.disabled = true;
  const following = below(card);
  let done = false;
  try {
    await api(path.startsWith("/") ? path : `/api/approvals/${encodeURIComponent(card.dataset.id)}/${path}`, {
      method: "POST",
      body,
    });
    done = true;
    if (path === "decision") last = card.dataset.id;
    for (const each of card.querySelectorAll("form")) each.hidden = true;
  } catch (error) {
    const why = reasonOf(error, path, busyWriting(card));
    conflict(card, why);
    if (error.status === 0) card.dataset.doubt = "yes";
    toast(why, { bad: true });
  }
  card.removeAttribute("aria-busy");
  for (const button of buttons) button.disabled = false;
  // Busy until the card is drawn anew: a key that is pressed twice is one decision.
  await refresh();
  delete card.dataset.busy;
  // By id: what is live may have drawn the card anew before our answer came. Whoever has gone
  // on to another card meanwhile stays there.
  const stayed = current()?.dataset.id === card.dataset.id;
  // Whoever takes over goes on by writing.
  const speaks = body?.decision === "take_over" || body?.then === "take_over";
  if (done && speaks) return location.assign(card.querySelector("a[href*='/conversations/']").href);
  if (done && stayed && path === "decision") goOn(following);
}

const decide = (card, decision, more = {}) =>
  send(card, "decision", {
    decision,
    version: Number(card.dataset.version),
    opened_sources: card.dataset.sources === "yes",
    ...(undoSeconds ? { undo_seconds: undoSeconds } : {}),
    ...more,
  });

function openForm(card, name) {
  for (const each of card.querySelectorAll("form")) each.hidden = each.dataset.form !== name;
  card.querySelector('[data-view="actions"]').hidden = true;
  const field = form(card, name).querySelector("textarea");
  remaining(field);
  field.focus();
  if (name !== "edit") return;
  field.setSelectionRange(field.value.length, field.value.length);
  claim(card);
}

/** Whoever begins to write has claimed it; that a colleague has is said, and stops nobody. */
async function claim(card) {
  if (!card.querySelector('[data-act="claim"]')) return; // it is ours already
  if (card.dataset.held) return conflict(card, say("claimed_by", { by: card.dataset.held }));
  const path = `/api/approvals/${encodeURIComponent(card.dataset.id)}/claim`;
  try {
    const claimed = await api(path, { method: "POST" });
    card.dataset.claimed = "by writing";
    card.dataset.version = claimed.version;
  } catch (error) {
    if (error.problem?.held_by) conflict(card, say("claimed_by", { by: error.problem.held_by }));
  }
}

function closeForm(card) {
  for (const each of card.querySelectorAll("form")) each.hidden = true;
  card.querySelector('[data-view="actions"]')?.removeAttribute("hidden");
  card.focus({ preventScroll: true });
  if (card.dataset.claimed && isWaiting(card)) {
    delete card.dataset.claimed;
    send(card, "release");
  } else {
    refresh();
  }
}

function remaining(field) {
  const line = field.form.querySelector("[data-remaining]");
  if (line) {
    const left = 20_000 - field.value.length;
    line.textContent = left < 2000 ? say("edit_remaining", { count: left }) : "";
  }
}

/** Whether a part of the draft is out of sight, because the card is not the chosen one. */
function isCut(card) {
  const draft = card.querySelector(".draft .drawn");
  return draft !== null && draft.scrollHeight > draft.clientHeight + 2;
}

function act(card, name) {
  if (card && name === "undo") return send(card, name);
  if (card && name === "again") {
    const { conversation, sent } = card.dataset;
    return send(card, `/api/conversations/${conversation}/messages/${sent}/retry`);
  }
  if (!card || card.dataset.state !== "pending") return;
  const cut = name === "approve" && isCut(card);
  select(card, { focus: false });
  if (cut) return toast(say("read_first"));
  if (name === "edit" || name === "reject") openForm(card, name);
  else if (name === "cancel") closeForm(card);
  else if (name === "opt_out") decide(card, "reject", { reason: "opted_out", then: "opt_out" });
  else if (name === "claim" || name === "release") send(card, name);
  else if (name === "open") location.assign(card.querySelector('a[data-act="open"]').href);
  else if (card.querySelector(`[data-act="${name}"]`)) decide(card, name);
}

queue.addEventListener("click", (event) => {
  if (event.target.closest("[data-show-more]")) {
    limit += MORE;
    refresh();
    return;
  }
  const card = event.target.closest(".ticket");
  if (!card) return;
  if (event.target.closest("[data-source]")) card.dataset.sources = "yes";
  const button = event.target.closest("button[data-act]");
  if (button) {
    if (button.dataset.act === "cancel") closeForm(card);
    else act(card, button.dataset.act);
  } else {
    select(card, { focus: false });
  }
});

// A press on a button or a link of another card chooses that card only once it is released: what is
// chosen grows, and what is pressed would slip away from under the pointer.
queue.addEventListener("mousedown", (event) => {
  const card = event.target.closest(".ticket");
  if (card && card !== current() && event.target.closest("a, button, summary")) {
    event.preventDefault();
  }
});

queue.addEventListener("focusin", (event) => {
  const card = event.target.closest(".ticket");
  if (card && card !== current()) select(card, { focus: false });
});

queue.addEventListener("input", (event) => {
  if (event.target.matches("textarea")) remaining(event.target);
});

queue.addEventListener("change", (event) => {
  if (event.target.name !== "next") return;
  for (const label of event.target.form.querySelectorAll("[data-for]")) {
    label.hidden = label.dataset.for !== event.target.value;
  }
});

queue.addEventListener("submit", (event) => {
  event.preventDefault();
  const filled = event.target;
  const card = filled.closest(".ticket");
  const fields = new FormData(filled);
  if (filled.dataset.form === "edit") {
    decide(card, "edit", { text: filled.elements.text.value });
    return;
  }
  const next = fields.get("next");
  const needed = next === "own" ? "text" : next === "retry" ? "hint" : "";
  if (needed && !filled.elements[needed].value.trim()) {
    conflict(card, say(next === "own" ? "empty_answer" : "empty_hint"));
    filled.elements[needed].focus();
    return;
  }
  decide(card, "reject", {
    reason: fields.get("reason"),
    then: next === "own" ? "tell" : next,
    ...(next === "own" ? { text: filled.elements.text.value } : {}),
    ...(next === "retry" ? { hint: filled.elements.hint.value } : {}),
  });
});

// Keyboard: the letter on the key, whatever language the keyboard is set to

function letter(event) {
  if (/^[a-z?]$/i.test(event.key)) return event.key.toLowerCase();
  return event.code.startsWith("Key") ? event.code.slice(3).toLowerCase() : event.key;
}

document.addEventListener("keydown", (event) => {
  const card = current();
  const writing = event.target.closest("textarea, input, select");
  if (writing && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    event.target.form?.requestSubmit();
    return;
  }
  if (event.key === "Escape" && card && busyWriting(card) && !help.open) {
    event.preventDefault();
    closeForm(card);
    return;
  }
  if (writing || help.open || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) {
    return;
  }
  const key = letter(event);
  if (key === "j" || key === "k") step(key === "j" ? 1 : -1);
  else if (key === "?") help.showModal();
  else if (key === "z") {
    const done = tickets().find((other) => other.dataset.id === last);
    if (done?.querySelector('[data-act="undo"]')) act(done, "undo");
  }
  else if (!card || event.repeat) return;
  else if (key === "a") act(card, "approve");
  else if (key === "e") act(card, "edit");
  else if (key === "r") act(card, "reject");
  else if (key === "t") act(card, "take_over");
  else if (key === "c") card.querySelector('[data-act="claim"], [data-act="release"]')?.click();
  else if (key === "o") act(card, "open");
  else return;
  event.preventDefault();
});

document.getElementById("help-open").addEventListener("click", () => help.showModal());

// Live

const MATTERS = /^(review_|consent_|delivery_trouble|delivery_requeued|send_released|decision_undone|taken_over|resolved|erased)/;
live({ change: ({ kind }) => MATTERS.test(kind) && soon() }, soon);

skew = Date.parse(list().dataset.now) - Date.now();
count();
tick();
if (asked) select(tickets().find((card) => card.dataset.id === asked));
setInterval(tick, 1000);
setInterval(() => {
  if (tickets().some((card) => card.dataset.state !== "pending")) refresh();
}, 20_000);
