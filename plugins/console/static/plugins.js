// The plugins page: states refresh by themselves, every change goes through the API.

import { act, api } from "../core/api.js";
import { show as put, toast, wordsOf } from "../core/say.js";

const root = document.getElementById("plugins");
const say = wordsOf(root);
const path = (card) => `/api/plugins/${encodeURIComponent(card.dataset.id)}`;
const tone = {
  running: "good",
  starting: "accent",
  retrying: "warn",
  needs_admin: "bad",
  broken: "bad",
};
const time = (at) => new Date(at).toLocaleString(document.documentElement.lang);
const part = (card, name) => card.querySelector(`[data-${name}]`);

function show(card, plugin) {
  const state = part(card, "state");
  // Switched on a moment ago, and not begun yet: that is no channel which is off.
  const now = plugin.enabled && plugin.state === "disabled" ? "starting" : plugin.state;
  card.dataset.now = now;
  put(state, say(`state.${now}`));
  state.className = `badge ${tone[now] ?? ""}`;
  const reason = part(card, "reason");
  let text = plugin.reason;
  if (text && plugin.retry_at) text += ` ${say("again_at", { time: time(plugin.retry_at) })}`;
  if (text && plugin.state === "needs_admin") text = `${say("please_correct")} ${text}`;
  if (plugin.hears && !plugin.speaks && text) text = `${text} ${say("hears_only")}`;
  reason.hidden = !text;
  put(reason, text);
  put(part(card, "ways"), say(ways(plugin)));
  const { accepted, delivered, last_at: last } = plugin.traffic;
  part(card, "traffic").textContent = last
    ? say("traffic_text", { accepted, delivered, time: time(last) })
    : say("no_traffic");
  part(card, "error").textContent = plugin.last_error
    ? `${plugin.last_error} (${time(plugin.last_error_at)})`
    : say("no_error");
  const test = plugin.test;
  part(card, "contract").textContent = test
    ? say("contract_text", { passed: test.passed, failed: test.failed, time: time(test.at) })
    : say("never_tested");
  part(card, "changed").textContent = plugin.changed_at
    ? `${plugin.changed_by}, ${time(plugin.changed_at)}`
    : say("never_changed");
  const toggle = card.querySelector('[role="switch"]');
  toggle.setAttribute("aria-checked", String(plugin.enabled));
  part(card, "switch").textContent = say(plugin.enabled ? "on" : "off");
  showTesting(card, plugin.testing);
}

/** What goes: in, out, both or neither. */
function ways({ hears, speaks }) {
  if (hears) return speaks ? "ways.both" : "ways.hears";
  return speaks ? "ways.speaks" : "ways.none";
}

/** The tests run beside; whoever looks meanwhile, or comes later, sees them run and end. */
function showTesting(card, testing) {
  const before = card.dataset.testing === "true";
  card.dataset.testing = String(testing);
  if (testing && !before) tell(card, say("testing"));
  if (before && !testing) {
    api(`${path(card)}/test`).then(
      (trial) => tellResult(card, trial),
      (error) => tell(card, error.message, false),
    );
  }
}

function tellResult(card, trial) {
  if (trial.stage === "failed") return tell(card, trial.trouble, false);
  const failed = trial.lines.filter((line) => line.outcome === "failed");
  const text = say("sheet", { passed: trial.passed, failed: trial.failed });
  const lines = failed.map((l) => (l.detail ? `${l.name}: ${l.detail}` : l.name));
  return tell(card, [text, ...lines].join("\n"), !failed.length);
}

function tell(card, text, good) {
  const outcome = part(card, "outcome");
  outcome.hidden = false;
  outcome.className = good === undefined ? "alert" : good ? "alert good" : "alert bad";
  outcome.textContent = text;
}

let input = 0;

function draw(field) {
  const id = `field-${(input += 1)}`;
  const box = document.createElement("div");
  const label = document.createElement("label");
  label.htmlFor = id;
  const spoken = field.translations[document.documentElement.lang] ?? {};
  label.textContent = (spoken.label || field.label) + (field.required ? " *" : "");
  let control;
  if (field.kind === "choice") {
    control = document.createElement("select");
    for (const choice of field.choices) control.add(new Option(choice, choice));
    control.value = field.value ?? "";
  } else {
    control = document.createElement("input");
    control.autocomplete = "off";
    switch (field.kind) {
      case "flag":
        control.type = "checkbox";
        control.checked = Boolean(field.value);
        break;
      case "number":
        control.type = "number";
        control.step = "any";
        control.value = field.value ?? "";
        break;
      case "secret":
        control.type = "password";
        control.autocomplete = "new-password";
        control.placeholder = say(field.is_set ? "secret_set" : "secret_unset");
        break;
      default:
        control.type = "text";
        control.value = field.value ?? "";
    }
  }
  control.id = id;
  control.name = field.name;
  control.dataset.kind = field.kind;
  control.dataset.before = field.kind === "flag" ? String(control.checked) : control.value;
  box.append(label, control);
  const notes = [spoken.help || field.help, field.source ? say(`source.${field.source}`) : ""].filter(Boolean);
  if (notes.length) {
    const help = document.createElement("p");
    help.className = "small faint";
    help.id = `${id}-help`;
    help.textContent = notes.join(" ");
    control.setAttribute("aria-describedby", help.id);
    box.append(help);
  }
  return box;
}

async function open(card) {
  const fields = part(card, "fields");
  const plugin = await api(path(card));
  fields.replaceChildren(...plugin.settings.map(draw));
  if (!plugin.settings.length) fields.textContent = say("no_settings");
}

/** What was changed in the form; an emptied field takes the admin's word back. */
function changes(card) {
  const settings = {};
  for (const control of part(card, "fields").querySelectorAll("[name]")) {
    const { kind, before } = control.dataset;
    const now = kind === "flag" ? String(control.checked) : control.value;
    if (now === before) continue;
    if (kind === "flag") settings[control.name] = control.checked;
    else if (now === "") settings[control.name] = null;
    else settings[control.name] = kind === "number" ? Number(now) : now;
  }
  return settings;
}

async function check(card, settings) {
  const { ok, detail } = await api(`${path(card)}/check`, { method: "POST", body: { settings } });
  tell(card, detail, ok);
}

root.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const card = button.closest(".plugin");
  switch (button.dataset.do) {
    case "switch": {
      const on = button.getAttribute("aria-checked") === "true";
      const done = await act(button, async () => {
        const body = on ? undefined : { settings: changes(card) };
        show(card, await api(`${path(card)}/${on ? "disable" : "enable"}`, { method: "POST", body }));
        part(card, "outcome").hidden = true;
        // What was typed is stored now; a secret must not stay in the page.
        if (!on && card.querySelector("details").open) await open(card);
      });
      // Most often settings are missing: show where they go.
      if (!done && !on) card.querySelector("details").open = true;
      button.focus();
      break;
    }
    case "check":
      await act(button, () => check(card, {}));
      break;
    case "check-form":
      await act(button, () => check(card, changes(card)));
      break;
    case "test":
      await act(button, async () => {
        await api(`${path(card)}/test`, { method: "POST" });
        await refresh();
      });
      break;
  }
});

root.addEventListener("submit", async (event) => {
  event.preventDefault();
  const card = event.target.closest(".plugin");
  const settings = changes(card);
  await act(event.target.querySelector('button[type="submit"]'), async () => {
    show(card, await api(`${path(card)}/settings`, { method: "PUT", body: { settings } }));
    await open(card);
    toast(say("saved"));
  });
});

for (const details of root.querySelectorAll("details")) {
  details.addEventListener("toggle", () => {
    if (details.open) {
      open(details.closest(".plugin")).catch((error) => {
        part(details.closest(".plugin"), "fields").textContent = error.message;
      });
    }
  });
}

async function refresh() {
  const { items } = await api("/api/plugins");
  for (const plugin of items) {
    const card = root.querySelector(`[data-id="${CSS.escape(plugin.id)}"]`);
    if (card) show(card, plugin);
    else if (!document.activeElement?.closest("form")) location.reload(); // newly installed
  }
}

await refresh().catch((error) => toast(error.message, { bad: true }));
let turn = 0;
setInterval(() => {
  turn += 1;
  // Whoever has just switched a channel on wants to know how it ends.
  const isSoon = root.querySelector('[data-now="starting"]') !== null;
  if (document.hidden || (!isSoon && turn % 5)) return;
  refresh().catch(() => {}); // the next turn tells
}, 600);
