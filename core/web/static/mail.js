// The mail server on the settings page: a test by what is entered, then saved.

import { api } from "./api.js";
import { outcomeOf } from "./outcome.js";
import { toast, wordsOf } from "./say.js";

const form = document.getElementById("mail-form");
const say = wordsOf(document.getElementById("settings"));
const { tell, asked } = outcomeOf(form);
const field = (name) => form.elements[name];

const entered = () => ({
  host: field("host").value,
  port: Number(field("port").value) || 587,
  user: field("user").value,
  password: field("password").value,
  sender: field("sender").value,
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
