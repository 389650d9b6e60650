// The mail server on the settings page: a test by what is entered, then saved.

import { act, api } from "./api.js";
import { toast, wordsOf } from "./say.js";

const form = document.getElementById("mail-form");
const say = wordsOf(document.getElementById("settings"));
const outcome = form.querySelector("[data-outcome]");
const field = (name) => form.elements[name];

const entered = () => ({
  host: field("host").value,
  port: Number(field("port").value) || 587,
  user: field("user").value,
  password: field("password").value,
  sender: field("sender").value,
});

function tell(text, { bad }) {
  outcome.textContent = text;
  outcome.className = bad ? "alert bad" : "alert good";
  outcome.hidden = false;
  outcome.scrollIntoView({ block: "nearest" });
}

/** Runs it, and says what is wrong where it can be read for long. */
const asked = (button, action) =>
  act(button, async () => {
    outcome.hidden = true;
    try {
      await action();
    } catch (error) {
      tell(error.message, { bad: true });
      throw error;
    }
  });

const test = form.querySelector("[data-test]");
test.addEventListener("click", () =>
  asked(test, async () => {
    const found = await api("/api/settings/mail/test", { method: "POST", body: entered() });
    tell(say(found.ok ? "mail_sent" : "mail_failed", found), { bad: !found.ok });
  }),
);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  asked(form.querySelector("[type=submit]"), async () => {
    const now = await api("/api/settings/mail", { method: "PUT", body: entered() });
    field("password").value = "";
    field("password").placeholder = now.has_password ? say("mail_password_kept") : "";
    toast(say("saved"));
  });
});
