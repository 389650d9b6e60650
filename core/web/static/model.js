// The language model on the settings page: chosen, tested with what is entered, saved.

import { api } from "./api.js";
import { outcomeOf } from "./outcome.js";
import { toast, wordsOf } from "./say.js";

const form = document.getElementById("model-form");
const say = wordsOf(document.getElementById("settings"));
const { tell, hide, asked } = outcomeOf(form);
const own = document.getElementById("own-model");

const entered = () => ({
  source: form.elements.source.value,
  model: form.elements.model.value,
  base_url: form.elements.base_url.value,
  api_key: form.elements.api_key.value,
});

// Only these: what hides when a field is left moves the button away from under the press.
for (const one of form.querySelectorAll("[name=source]")) {
  one.addEventListener("change", () => {
    own.hidden = form.elements.source.value !== "console";
    hide();
  });
}

const test = form.querySelector("[data-test]");
test.addEventListener("click", () =>
  asked(test, async () => {
    const found = await api("/api/settings/model/test", { method: "POST", body: entered() });
    if (found.ok) {
      const without = found.left_out.length
        ? ` ${say("model_without", { names: found.left_out.join(", ") })}`
        : "";
      const seconds = found.seconds.toLocaleString(document.documentElement.lang);
      tell(say("model_answers", { ...found, seconds }) + without, { bad: false });
    } else {
      const detail = found.detail ? ` (${found.detail})` : "";
      tell(say(`model_problem_${found.problem}`, found) + detail, { bad: true });
    }
  }),
);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  asked(form.querySelector("[type=submit]"), async () => {
    const now = await api("/api/settings/model", { method: "PUT", body: entered() });
    form.elements.api_key.value = "";
    form.elements.api_key.placeholder = now.has_key ? say("model_key_kept") : "";
    if (now.trouble) tell(`${say("model_trouble")} ${now.trouble}`, { bad: true });
    else toast(say("saved"));
  });
});
