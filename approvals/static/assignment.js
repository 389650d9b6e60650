// The rules by which drafts are assigned: a list in order, saved whole.

import { api } from "../core/api.js";
import { toast, wordsOf } from "../core/say.js";

const form = document.getElementById("assignment");
const rules = document.getElementById("rules");
const fresh = form.querySelector("template[data-new]");
const none = form.querySelector("[data-none]");
const why = form.querySelector("[data-why]");
const say = wordsOf(form);

const all = () => [...rules.querySelectorAll("[data-rule]")];
const count = () => (none.hidden = all().length > 0);

form.querySelector("[data-add]").addEventListener("click", () => {
  rules.append(fresh.content.cloneNode(true));
  count();
  all().at(-1).querySelector("[name=topic]").focus();
});

rules.addEventListener("click", (event) => {
  const rule = event.target.closest("[data-rule]");
  if (event.target.closest("[data-remove]")) {
    const next = rule.nextElementSibling ?? rule.previousElementSibling;
    rule.remove();
    count();
    (next?.querySelector("[data-remove]") ?? form.querySelector("[data-add]")).focus();
  } else if (event.target.closest("[data-up]") && rule.previousElementSibling) {
    rule.previousElementSibling.before(rule);
    event.target.focus();
  }
});

function ruleOf(rule) {
  const [topic, locale, to] = ["topic", "locale", "to"].map(
    (name) => rule.querySelector(`[name=${name}]`).value,
  );
  return { topic: topic.trim(), locale, to: to.split(/[\s,;]+/).filter(Boolean) };
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const nobody = all().find((rule) => !ruleOf(rule).to.length);
  if (nobody) {
    nobody.querySelector("[name=to]").focus();
    return refuse(say("names_nobody"));
  }
  const body = {
    on: form.elements.on.checked,
    capacity: Number(form.elements.capacity.value),
    rest: form.elements.rest.checked,
    rules: all().map(ruleOf),
    revision: Number(form.dataset.revision),
  };
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  try {
    const saved = await api("/api/inbox/assignment", { method: "PUT", body });
    form.dataset.revision = saved.revision;
    why.hidden = true;
    toast(say("saved"));
  } catch (error) {
    refuse(error.status === 409 ? say("changed") : error.message);
  }
  button.disabled = false;
});

function refuse(text) {
  why.textContent = text;
  why.hidden = false;
}
