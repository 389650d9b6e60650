// The settings page: one form, saved whole; the preview beside it is the chat as it is.

import { act, api } from "./api.js";
import { toast, wordsOf } from "./say.js";

const form = document.getElementById("settings");
const problem = form.querySelector("[data-problem]");
const say = wordsOf(form);

/** What an empty field means: that the environment's holds. */
const own = (name) => form.elements[name].value.trim() || null;

/** A number, or what stands there instead, for the server to refuse; JSON knows no NaN. */
function number(text) {
  if (text === null) return null;
  const found = Number(text.replace(",", "."));
  return Number.isFinite(found) ? found : text;
}

function byLanguage(name, read) {
  const found = {};
  for (const field of form.querySelectorAll(`[name="${name}"]`)) {
    const value = read(field.value);
    if (value.length) found[field.dataset.language] = value;
  }
  return found;
}

form.elements.picked.addEventListener("input", () => {
  form.elements.colour.value = form.elements.picked.value;
});

form.elements.colour.addEventListener("input", () => {
  const colour = form.elements.colour.value.trim();
  if (/^#[0-9a-f]{6}$/i.test(colour)) form.elements.picked.value = colour;
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.hidden = true;
  const body = {
    name: form.elements.name.value,
    colour: form.elements.colour.value,
    greeting: byLanguage("greeting", (text) => text.trim()),
    questions: byLanguage("questions", (text) => text.split("\n").filter((line) => line.trim())),
    launcher: byLanguage("launcher", (text) => text.trim()),
    position: form.elements.position.value,
    theme: form.elements.theme.value,
    ask_name: form.elements.ask_name.value,
    ask_email: form.elements.ask_email.value,
    hours: own("hours"),
    holidays: own("holidays"),
    timezone: own("timezone"),
    deadline_minutes: number(own("deadline_minutes")),
  };
  const button = form.querySelector("[type=submit]");
  const done = await act(button, async () => {
    try {
      await api("/api/settings", { method: "PUT", body });
    } catch (error) {
      problem.textContent = error.message;
      problem.hidden = false;
      problem.scrollIntoView({ block: "nearest" });
      throw error;
    }
  });
  if (!done) return;
  toast(say("saved"));
  const frame = document.getElementById("preview");
  frame.src = String(frame.src);
});

document.getElementById("copy").addEventListener("click", async () => {
  const code = document.getElementById("script");
  try {
    await navigator.clipboard.writeText(code.textContent);
    toast(say("copied"));
  } catch {
    getSelection().selectAllChildren(code); // without a secure connection nothing else is allowed
    toast(say("selected"));
  }
});
