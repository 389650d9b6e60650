// One conversation: its history kept current, and what an agent does in it.

import { act, api } from "../core/api.js";
import { follow, live } from "../core/live.js";
import { announce, fill, wordsOf } from "../core/say.js";
import { Attached } from "./attach.js";
import { later } from "./snooze.js";

const talk = document.getElementById("talk");
const say = wordsOf(talk);
const id = talk.dataset.id;
const locale = document.documentElement.lang;
const thread = document.getElementById("thread");
const typing = document.getElementById("typing");
const reply = document.getElementById("reply");
const note = document.getElementById("note");
const transfer = document.getElementById("transfer");
const snooze = document.getElementById("snooze");
const consent = document.getElementById("consent");
const draftKey = `reply:${id}`;
const triedKey = `tried:${id}`;

const state = () => thread.querySelector(".state").dataset;

function times() {
  const today = new Date().toDateString();
  for (const time of thread.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const options =
      at.toDateString() === today
        ? { timeStyle: "short" }
        : { dateStyle: "medium", timeStyle: "short" };
    time.textContent = at.toLocaleString(locale, options);
    time.title = at.toLocaleString(locale);
  }
}

/** The tags as they are now; each with a button that takes it off. */
function tags() {
  const list = document.getElementById("tags");
  const now = JSON.parse(state().tags);
  const items = now.map((tag) => {
    const item = document.createElement("li");
    const off = document.createElement("button");
    item.className = "badge tag";
    item.textContent = tag;
    off.type = "button";
    off.textContent = "×";
    off.setAttribute("aria-label", fill(list.dataset.remove, { tag }));
    off.addEventListener("click", () => retag(off, { remove: [tag] }));
    item.append(off);
    return item;
  });
  if (!items.length) {
    const none = document.createElement("li");
    none.className = "faint small";
    none.textContent = list.dataset.none;
    items.push(none);
  }
  list.replaceChildren(...items);
}

async function retag(button, body) {
  const done = await act(button, () => api(path("tags"), { method: "POST", body }));
  if (done) await refresh();
  return done;
}

let next = null; // the button that the keyboard goes to as soon as it is offered

/** Show only what may be done now. */
function offer() {
  const { status, assignee, mine, supervises } = state();
  const holds = mine === "yes" || (assignee !== "" && supervises === "yes");
  const show = (name, yes) => {
    talk.querySelector(`[data-do="${name}"], [data-show="${name}"]`).hidden = !yes;
  };
  const takes = mine !== "yes" && (assignee === "" || supervises === "yes");
  show("take_over", takes);
  const button = talk.querySelector('[data-do="take_over"]');
  button.textContent = assignee ? say("talk.take_over_from", { by: assignee }) : say("talk.take_over");
  show("hand_back", holds);
  // What nobody holds may be closed, or given to somebody, by anybody.
  const free = assignee === "" || holds;
  show("resolve", free && status !== "resolved");
  show("wake", free && state().aside === "yes");
  show("snooze", free && status !== "resolved");
  if (next && !next.hidden) {
    next.focus();
    next = null;
  }
  show("transfer", free);
  document.getElementById("acts").hidden = !takes && !free;
  tags();
  if (consent) {
    const set = consent.querySelector("button");
    set.textContent = state().out === "yes" ? set.dataset.in : set.dataset.out;
  }
  const writes = status === "human" && mine === "yes";
  if (reply.hidden === writes) {
    reply.hidden = !writes;
    if (writes && document.activeElement === document.body) reply.elements.text.focus();
  }
}

function redraw(page) {
  const before = Number(state().seq);
  // What the reader has opened or closed stays so.
  const open = document.getElementById("so-far")?.open;
  const fresh = page.getElementById("so-far");
  if (fresh && open !== undefined) fresh.open = open;
  const atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 240;
  thread.replaceChildren(page.querySelector(".state"));
  times();
  offer();
  const news = [...thread.querySelectorAll(".entry.customer")].filter(
    (entry) => Number(entry.dataset.seq) > before,
  );
  if (news.length) {
    announce(`${say("talk.new_message")}: ${news.at(-1).querySelector(".bubble").textContent}`);
    typing.textContent = "";
  }
  if (atEnd) toEnd();
}

function toEnd() {
  const last = thread.querySelector(".thread")?.lastElementChild;
  // A short history stays where it is, with its head in sight.
  if (last && last.getBoundingClientRect().bottom > innerHeight - 80) {
    last.scrollIntoView({ block: "center" });
  }
}

const { refresh, soon } = follow({
  // Whoever looks at the page has seen what it shows; a page behind another one shows nobody.
  url: () => `/console/conversations/${id}/thread${document.hidden ? "" : "?seen=true"}`,
  draw: redraw,
  lost: (time) => say("lost_connection", { time }),
});

const path = (name) => `/api/conversations/${id}/${name}`;

for (const button of talk.querySelectorAll("[data-do]")) {
  button.addEventListener("click", async () => {
    await act(button, () => api(path(button.dataset.do), { method: "POST" }));
    await refresh();
    if (button.dataset.do === "take_over" && !reply.hidden) reply.elements.text.focus();
  });
}

const attached = new Attached(reply, { say, url: path("attachments") });

/** One id for one text until it is sent: tried again it arrives once, reworded it is another. */
function clientIdFor(words) {
  const text = JSON.stringify([words, attached.ids]);
  const tried = JSON.parse(sessionStorage.getItem(triedKey) ?? "null");
  if (tried?.text === text) return tried.id;
  const fresh = crypto.randomUUID();
  sessionStorage.setItem(triedKey, JSON.stringify({ text, id: fresh }));
  return fresh;
}

reply.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = reply.elements.text;
  const text = field.value;
  if (attached.busy || (!text.trim() && !attached.ids.length)) return;
  const conflict = reply.querySelector("[data-conflict]");
  const button = reply.querySelector('[type="submit"]');
  button.disabled = true;
  conflict.hidden = true;
  try {
    const body = { text, client_id: clientIdFor(text), attachments: attached.ids };
    await api(path("reply"), { method: "POST", body });
    attached.clear();
    // Emptied by hand it would be marked as left out by the reader.
    if (field.value === text) reply.reset();
    sessionStorage.removeItem(draftKey);
    sessionStorage.removeItem(triedKey);
  } catch (error) {
    const why = { why: error.message };
    conflict.textContent = error.status === 0 ? say("unreachable_reply") : say("unsent_kept", why);
    conflict.hidden = false;
  }
  button.disabled = false;
  field.focus();
  refresh();
});

let said = 0;
reply.elements.text.addEventListener("input", (event) => {
  sessionStorage.setItem(draftKey, event.target.value);
  if (Date.now() - said > 2500 && event.target.value) {
    said = Date.now();
    api(path("agent_typing"), { method: "POST" }).catch(() => {});
  }
});
reply.elements.text.value = sessionStorage.getItem(draftKey) ?? "";

note.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { text: note.elements.text.value };
  const done = await act(note.querySelector("button"), () => api(path("notes"), { method: "POST", body }));
  if (done) note.reset();
  refresh();
});

const tag = document.getElementById("tag");
tag.addEventListener("submit", async (event) => {
  event.preventDefault();
  const add = tag.elements.tag.value.trim();
  if (add && (await retag(tag.querySelector("button"), { add: [add] }))) tag.reset();
  tag.elements.tag.focus();
});

transfer.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { to: transfer.elements.to.value, note: transfer.elements.note.value || null };
  const done = await act(transfer.querySelector("button"), () =>
    api(path("transfer"), { method: "POST", body }),
  );
  if (done) {
    transfer.reset();
    transfer.closest("details").open = false;
  }
  refresh();
});

/** Put it aside until then (ISO 8601), or until the customer writes (""). */
async function aside(button, until) {
  const done = await act(button, async () => {
    try {
      await api(path("snooze"), { method: "POST", body: { until } });
    } catch (error) {
      throw error.status === 422 ? new Error(snooze.dataset.late) : error;
    }
  });
  if (!done) return;
  snooze.closest("details").open = false;
  next = talk.querySelector('[data-do="wake"]');
  await refresh();
}

snooze.addEventListener("click", (event) => {
  const button = event.target.closest("[data-until]");
  if (button) aside(button, later(button.dataset.until));
});
snooze.addEventListener("submit", (event) => {
  event.preventDefault();
  // The field holds the reader's own time without a zone.
  const until = new Date(snooze.elements.until.value).toISOString();
  aside(snooze.querySelector("[type=submit]"), until);
});

consent?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { opted_out: state().out !== "yes", reason: consent.elements.reason.value };
  const done = await act(consent.querySelector("button"), () =>
    api(path("consent"), { method: "POST", body }),
  );
  if (done) consent.reset();
  refresh();
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form) {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

thread.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-retry]");
  if (!button) return;
  await act(button, () => api(path(`messages/${button.dataset.retry}/retry`), { method: "POST" }));
  refresh();
});

let quiet = 0;
live(
  {
    change: ({ conversation_id: which }) => which === id && soon(),
    typing({ conversation_id: which, author }) {
      if (which !== id || author !== "customer") return;
      typing.textContent = say("talk.typing");
      clearTimeout(quiet);
      quiet = setTimeout(() => (typing.textContent = ""), 4000);
    },
  },
  soon,
);

document.addEventListener("visibilitychange", () => document.hidden || soon());
times();
offer();
if (location.hash === "") toEnd();
