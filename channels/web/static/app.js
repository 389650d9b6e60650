// The chat page: puts the parts together and draws them whenever the conversation changes.

import { show } from "../core/say.js";
import { About } from "./about.js";
import { Api } from "./api.js";
import { Attached } from "./attach.js";
import { Composer } from "./composer.js";
import { Conversation } from "./conversation.js";
import { Frame } from "./frame.js";
import { Memory } from "./memory.js";
import { MessageList } from "./messages.js";
import { Rating } from "./rating.js";
import { Scroller } from "./scroller.js";
import { Words } from "./words.js";

const BANNER_AFTER_MS = 1_200;
const CHAT_MS = 4_000; // how often a page that says so asks whether it still is one
const part = (name) => document.querySelector(`[data-part="${name}"]`);

const page = document.documentElement;
const memory = new Memory();
const frame = new Frame({
  embedded: page.dataset.embed === "1",
  opened: () => part("composer").querySelector("textarea").focus(),
});
// Before anything is read of it: where the browser refuses storage, the site's page has it.
if (frame.embedded && memory.isFleeting) {
  memory.lend(await frame.kept(), (kept) => frame.keep(kept));
}
const texts = JSON.parse(part("texts").textContent);
const starters = JSON.parse(part("starter-questions").textContent);
const words = new Words(texts, memory.language || page.lang);
const api = new Api(() => memory.session?.token ?? "");
const about = new About({ form: part("about"), memory });
const conversation = new Conversation({
  api,
  memory,
  language: () => words.language,
  visitor: () => about.visitor,
});
const scroller = new Scroller({
  pane: part("pane"),
  button: part("jump"),
  isAtStart: () => !part("welcome").hidden,
});
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
      conversation.send(text, attached.take());
    },
    wrote(text) {
      memory.draft = text;
      if (text.trim()) conversation.wrote();
    },
  },
});
memory.draft = composer.text;
const attached = new Attached({
  form: part("composer"),
  list: part("files"),
  words,
  limit: Number(part("composer").dataset.maxMb),
  upload: async (file) => {
    if (!about.check()) throw new Error("the visitor has not said yet who they are");
    return conversation.upload(file);
  },
  changed: () => composer.refresh(),
});
composer.carries(attached);
composer.asks(() => about.check());

let unread = 0; // as it was told last
let greeting = ""; // what the page around us welcomes with
let downSince = 0;
let bannerTimer = null;
let personTrouble = false;
let isClosed = page.dataset.closed === "1";

function draw() {
  const empty = conversation.isEmpty && conversation.connection !== "loading";
  part("welcome").hidden = !empty;
  about.draw(empty && !conversation.id);
  part("new").hidden = conversation.isEmpty && !conversation.id;
  scroller.keep(() => {
    list.draw(conversation);
    drawTyping();
    rating.draw(conversation);
    drawPerson();
  });
  drawStatus();
  drawBanner();
  drawUnread();
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
  show(part("status"), text);
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
  show(part("typing-text"), name ? words.say(name) : "");
}

function drawPerson() {
  const button = part("person");
  const { person, status } = conversation;
  button.hidden = status === "human";
  button.setAttribute("aria-disabled", String(person !== "free"));
  const name = { free: "person.ask", asking: "person.asking", asked: "person.asked" }[person];
  show(part("person-text"), words.say(name));
  const note = personTrouble ? "person.failed" : person === "asked" ? "person.explained" : "";
  part("person-note").hidden = !note;
  part("person-note").classList.toggle("trouble", personTrouble);
  show(part("person-note"), note ? words.say(note) : "");
}

function drawBanner() {
  const banner = part("banner");
  const { connection } = conversation;
  let name = "";
  if (connection === "lost") name = "connection.lost";
  else if (!navigator.onLine) name = "connection.offline";
  else if (conversation.crowd) name = `connection.crowd_${conversation.crowd}`;
  else if (isClosed) name = "connection.crowd_closed";
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
  show(banner, name ? words.say(name) : "");
}

/** Questions to begin with, as the company has written them in this language. */
function drawStarters() {
  const buttons = (starters[words.language] ?? []).map((question) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = question;
    button.addEventListener("click", () => {
      if (!about.check()) return;
      scroller.stick();
      conversation.send(question, []);
      composer.focus();
    });
    return button;
  });
  part("starters").replaceChildren(...buttons);
  part("starters").hidden = buttons.length === 0;
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
  drawGreeting();
  drawStarters();
  rating.translate();
  attached.draw();
  draw();
  showUnread();
}

function drawGreeting() {
  if (greeting) part("welcome").querySelector("h2").textContent = greeting;
}

function showUnread() {
  const title = words.say("title");
  document.title = unread ? `(${unread}) ${title}` : title;
}

/** What the customer has before their eyes is read, here and on the site's next page. */
function drawUnread() {
  if (!document.hidden && frame.isOpen) conversation.markRead();
  const count = conversation.unread;
  if (count === null) return;
  frame.unread(count);
  if (count === unread) return;
  unread = count;
  showUnread();
}

function leaveIt() {
  conversation.forget();
  list.clear();
  memory.draft = "";
  composer.clear();
  attached.clear();
  personTrouble = false;
  draw();
}

function startAnew() {
  const dialog = part("confirm");
  const leave = () => {
    leaveIt();
    composer.focus();
  };
  if (conversation.status === "resolved") leave();
  else {
    dialog.returnValue = "";
    dialog.onclose = () => (dialog.returnValue === "yes" ? leave() : composer.focus());
    dialog.showModal();
  }
}

/** Say that this is a demonstration, or that the chat is closed, for as long as it is so. */
async function lookAtChat() {
  if (!isClosed && part("demo").hidden) return;
  if (!document.hidden) {
    const now = { demonstration: !part("demo").hidden, open: !isClosed };
    const { demonstration, open } = await api.chat().catch(() => now);
    part("demo").hidden = !demonstration;
    part("own-sources").hidden = demonstration;
    isClosed = !open;
    drawBanner();
  }
  setTimeout(lookAtChat, CHAT_MS);
}

conversation.addEventListener("change", draw);
conversation.addEventListener("arrived", ({ detail }) => frame.arrived(detail.author));
part("person").addEventListener("click", async () => {
  if (conversation.person !== "free" || !about.check()) return;
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
  drawUnread();
});
window.addEventListener("focus", drawUnread);
window.addEventListener("online", () => {
  conversation.nudge();
  draw();
});
window.addEventListener("offline", draw);
memory.onSession((session) => {
  if ((session?.id ?? "") !== conversation.openId) list.clear();
  conversation.follow(session);
});
frame.onOpen(drawUnread);
frame.onWish((wish) => {
  greeting = typeof wish.greeting === "string" ? wish.greeting.slice(0, 120) : "";
  drawGreeting();
  about.ask(wish.ask);
  if (wish.visitor !== undefined) {
    about.identify(wish.visitor);
    if (conversation.isOfSomebodyElse) {
      memory.about = {};
      leaveIt();
    }
  }
  draw();
});

translate(words.language);
conversation.restore();
lookAtChat();
if (!frame.embedded && matchMedia("(hover: hover)").matches) composer.focus();
page.dataset.ready = "1";
