// The settings page: one form, saved whole; the preview beside it is the chat as it is.

import { act, api } from "./api.js";
import { takesFiles } from "./drop.js";
import { toast, wordsOf } from "./say.js";
import { makeTabs } from "./tabs.js";

const form = document.getElementById("settings");
const problem = form.querySelector("[data-problem]");
const say = wordsOf(form);
const preview = document.getElementById("preview");
const showAnew = () => (preview.src = String(preview.src));

const IN_FORM = ["company", "chat", "people"];
makeTabs(document.querySelector(".tabs"), (name) => {
  form.hidden = !IN_FORM.includes(name);
  problem.hidden = true;
});

// The logo holds at once: it is a file, and no field of the form.
const logo = document.getElementById("logo");
const picture = logo.querySelector("img");
const button = (name) => logo.querySelector(`[data-logo="${name}"]`);

function showLogo({ logo: digest }) {
  picture.hidden = button("remove").hidden = !digest;
  if (digest) picture.src = `${logo.dataset.src}?${digest}`;
  else picture.removeAttribute("src");
  showAnew();
}

button("choose").addEventListener("click", () => document.getElementById("logo-file").click());
takesFiles(logo, {
  address: () => "/api/settings/logo",
  done: showLogo,
  after: () => toast(say("saved")),
});
button("remove").addEventListener("click", async () => {
  const done = await act(button("remove"), async () =>
    showLogo(await api("/api/settings/logo", { method: "DELETE" })),
  );
  if (done) toast(say("saved"));
  button("choose").focus();
});

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
  const save = form.querySelector("[type=submit]");
  const done = await act(save, async () => {
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
  showAnew();
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
