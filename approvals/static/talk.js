// One conversation: its history kept current, and what an agent does in it.

import { act, api } from "../core/api.js";
import { live } from "../core/sse.js";

const talk = document.getElementById("talk");
const words = JSON.parse(talk.dataset.words);
const id = talk.dataset.id;
const locale = document.documentElement.lang;
const thread = document.getElementById("thread");
const typing = document.getElementById("typing");
const trouble = document.getElementById("trouble");
const badge = document.getElementById("live");
const spoken = document.getElementById("spoken");
const reply = document.getElementById("reply");
const note = document.getElementById("note");
const transfer = document.getElementById("transfer");
const draftKey = `reply:${id}`;
const triedKey = `tried:${id}`;

let asked = 0;
let shownAt = new Date();

const say = (name, values = {}) =>
  Object.entries(values).reduce(
    (text, [key, value]) => text.replaceAll(`{${key}}`, value),
    words[name] ?? name,
  );
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
  show("resolve", holds);
  show("transfer", holds);
  document.getElementById("acts").hidden = !takes && !holds;
  const writes = status === "human" && mine === "yes";
  if (reply.hidden === writes) {
    reply.hidden = !writes;
    if (writes && document.activeElement === document.body) reply.elements.text.focus();
  }
}

async function refresh() {
  const ticket = ++asked;
  try {
    const response = await fetch(`/console/conversations/${id}/thread`);
    if (response.redirected) return location.reload();
    if (!response.ok) throw new Error(String(response.status));
    const html = await response.text();
    if (ticket !== asked) return;
    const fresh = new DOMParser().parseFromString(html, "text/html").querySelector(".state");
    const before = Number(state().seq);
    const atEnd = innerHeight + scrollY > document.documentElement.scrollHeight - 240;
    thread.replaceChildren(fresh);
    shownAt = new Date();
    trouble.hidden = true;
    times();
    offer();
    const news = [...thread.querySelectorAll(".entry.customer")].filter(
      (entry) => Number(entry.dataset.seq) > before,
    );
    if (news.length) {
      spoken.textContent = `${say("talk.new_message")}: ${news.at(-1).querySelector(".bubble").textContent}`;
      typing.textContent = "";
    }
    if (atEnd) thread.querySelector(".thread")?.lastElementChild?.scrollIntoView({ block: "center" });
  } catch {
    if (ticket !== asked) return;
    const time = shownAt.toLocaleTimeString(locale, { timeStyle: "short" });
    trouble.textContent = say("lost_connection", { time });
    trouble.hidden = false;
    setTimeout(refresh, 3000);
  }
}

const path = (name) => `/api/conversations/${id}/${name}`;

for (const button of talk.querySelectorAll("[data-do]")) {
  button.addEventListener("click", async () => {
    await act(button, () => api(path(button.dataset.do), { method: "POST" }));
    await refresh();
    if (button.dataset.do === "take_over" && !reply.hidden) reply.elements.text.focus();
  });
}

/** One id for one text until it is sent: tried again it arrives once, reworded it is another. */
function clientIdFor(text) {
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
  if (!text.trim()) return;
  const conflict = reply.querySelector("[data-conflict]");
  const button = reply.querySelector('[type="submit"]');
  button.disabled = true;
  conflict.hidden = true;
  try {
    await api(path("reply"), { method: "POST", body: { text, client_id: clientIdFor(text) } });
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
let soon = 0;
function refreshSoon() {
  clearTimeout(soon);
  soon = setTimeout(refresh, 60);
}

live(
  "/console/events",
  {
    change: ({ conversation_id: which }) => {
      if (which === id) refreshSoon();
    },
    typing: ({ conversation_id: which, author }) => {
      if (which !== id || author !== "customer") return;
      typing.textContent = say("talk.typing");
      clearTimeout(quiet);
      quiet = setTimeout(() => (typing.textContent = ""), 4000);
    },
    reload: refreshSoon,
    signed_out: () => location.reload(),
  },
  {
    onState: (up) => {
      badge.textContent = up ? badge.dataset.live : badge.dataset.offline;
      badge.classList.toggle("good", up);
      badge.classList.toggle("warn", !up);
      if (up) refreshSoon();
    },
  },
);

times();
offer();
if (location.hash === "") thread.querySelector(".thread")?.lastElementChild?.scrollIntoView({ block: "center" });
