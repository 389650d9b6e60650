// The chat page: puts the parts together and draws them whenever the conversation changes.

import { Api } from "./api.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Frame } from "./frame.js";
import { Memory } from "./memory.js";
import { MessageList } from "./messages.js";
import { Rating } from "./rating.js";
import { Scroller } from "./scroller.js";
import { Words } from "./words.js";

const BANNER_AFTER_MS = 1_200;
const part = (name) => document.querySelector(`[data-part="${name}"]`);

const page = document.documentElement;
const memory = new Memory();
const texts = JSON.parse(part("texts").textContent);
const words = new Words(texts, memory.language || page.lang);
const api = new Api(() => memory.session?.token ?? "");
const conversation = new Conversation({ api, memory, language: () => words.language });
const scroller = new Scroller({ pane: part("pane"), button: part("jump") });
const list = new MessageList({
  log: part("log"),
  live: part("live"),
  words,
  act: {
    retry: (id) => conversation.retry(id),
    discard: (id) => conversation.discard(id),
  },
});
const rating = new Rating({
  root: part("rating"),
  words,
  rate: (score, comment) => conversation.rate(score, comment),
});
const composer = new Composer({
  form: part("composer"),
  count: part("count"),
  words,
  draft: memory.draft,
  on: {
    send(text) {
      memory.draft = "";
      scroller.stick();
      conversation.send(text);
    },
    wrote(text) {
      memory.draft = text;
      if (text.trim()) conversation.wrote();
    },
  },
});
const frame = new Frame({
  embedded: page.dataset.embed === "1",
  opened: () => composer.focus(),
});

let unread = 0;
let downSince = 0;
let bannerTimer = null;
let personTrouble = false;

function draw() {
  const empty = conversation.isEmpty && conversation.connection !== "loading";
  part("welcome").hidden = !empty;
  part("new").hidden = conversation.isEmpty && !conversation.id;
  scroller.keep(() => {
    list.draw(conversation);
    drawTyping();
    rating.draw(conversation);
    drawPerson();
  });
  drawStatus();
  drawBanner();
  frame.using(Boolean(conversation.id));
  const placeholder = { human: "placeholder_human", resolved: "placeholder_resolved" };
  composer.placeholder(words.say(`composer.${placeholder[conversation.status] ?? "placeholder"}`));
}

function drawStatus() {
  const { status, assignee, connection } = conversation;
  let text = words.say(`status.${status}`);
  if (status === "human" && assignee) {
    text = words.say("status.human_named", { name: spoken(assignee) });
  }
  if (connection === "loading") text = words.say("status.loading");
  say(part("status"), text);
  part("status").parentElement.dataset.status = status;
}

/** "anna.kim", the first half of an address, as people write a name. */
function spoken(assignee) {
  const parts = assignee.split("@")[0].split(/[._-]+/).filter(Boolean);
  return parts.map((part) => part[0].toUpperCase() + part.slice(1)).join(" ");
}

function drawTyping() {
  const who = conversation.live ? "" : conversation.typing;
  const name = { thinking: "log.thinking", ai: "log.typing_ai", agent: "log.typing_agent" }[who];
  part("typing").hidden = !name;
  say(part("typing-text"), name ? words.say(name) : "");
}

function drawPerson() {
  const button = part("person");
  const { person, status } = conversation;
  button.hidden = status === "human";
  button.setAttribute("aria-disabled", String(person !== "free"));
  const name = { free: "person.ask", asking: "person.asking", asked: "person.asked" }[person];
  say(part("person-text"), words.say(name));
  const note = personTrouble ? "person.failed" : person === "asked" ? "person.explained" : "";
  part("person-note").hidden = !note;
  part("person-note").classList.toggle("trouble", personTrouble);
  say(part("person-note"), note ? words.say(note) : "");
}

function drawBanner() {
  const banner = part("banner");
  const { connection } = conversation;
  let name = "";
  if (connection === "lost") name = "connection.lost";
  else if (!navigator.onLine) name = "connection.offline";
  else if (conversation.busy) name = "connection.busy";
  else if (connection === "down") {
    downSince ||= Date.now();
    const left = BANNER_AFTER_MS - (Date.now() - downSince);
    clearTimeout(bannerTimer);
    // A stream that is back at once is nobody's business.
    if (left > 0) bannerTimer = setTimeout(drawBanner, left);
    else name = "connection.reconnecting";
  }
  if (connection !== "down") downSince = 0;
  banner.hidden = !name;
  say(banner, name ? words.say(name) : "");
}

/** Change a text only when it differs, so that it is read aloud once. */
function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function translate(language) {
  words.choose(language);
  page.lang = words.language;
  document.title = words.say("title");
  for (const node of document.querySelectorAll("[data-i18n]")) {
    node.textContent = words.say(node.dataset.i18n);
  }
  for (const node of document.querySelectorAll("[data-i18n-label]")) {
    const label = words.say(node.dataset.i18nLabel);
    node.setAttribute("aria-label", label);
    if (node.title) node.title = label;
  }
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.dataset.language === words.language));
  }
  rating.translate();
  composer.refresh();
  draw();
  showUnread();
}

function showUnread() {
  const title = words.say("title");
  document.title = unread ? `(${unread}) ${title}` : title;
  frame.unread(unread);
}

function looked() {
  if (document.hidden || !frame.isOpen || unread === 0) return;
  unread = 0;
  showUnread();
}

function startAnew() {
  const dialog = part("confirm");
  const leave = () => {
    conversation.forget();
    list.clear();
    memory.draft = "";
    personTrouble = false;
    draw();
    composer.focus();
  };
  if (conversation.status === "resolved") leave();
  else {
    dialog.returnValue = "";
    dialog.onclose = () => (dialog.returnValue === "yes" ? leave() : composer.focus());
    dialog.showModal();
  }
}

conversation.addEventListener("change", draw);
conversation.addEventListener("arrived", () => {
  if (!document.hidden && frame.isOpen) return;
  unread += 1;
  showUnread();
});
part("person").addEventListener("click", async () => {
  if (conversation.person !== "free") return;
  personTrouble = false;
  scroller.stick();
  personTrouble = !(await conversation.callPerson());
  draw();
});
part("new").addEventListener("click", startAnew);
part("close").addEventListener("click", () => frame.close());
part("jump").addEventListener("click", () => {
  scroller.stick();
  composer.focus();
});
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => {
    memory.language = button.dataset.language;
    translate(button.dataset.language);
  });
}
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  conversation.nudge();
  looked();
});
window.addEventListener("focus", looked);
window.addEventListener("online", () => {
  conversation.nudge();
  draw();
});
window.addEventListener("offline", draw);
memory.onSession((session) => {
  if ((session?.id ?? "") !== conversation.openId) list.clear();
  conversation.follow(session);
});
frame.onOpen(looked);

translate(words.language);
if (frame.embedded && memory.isFleeting) {
  memory.lend(await frame.kept(), (session) => frame.keep(session));
}
conversation.restore();
if (!frame.embedded && matchMedia("(hover: hover)").matches) composer.focus();
page.dataset.ready = "1";
