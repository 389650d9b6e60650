// A form that is tried before it is saved: what came of it stays where it can be read for long.

import { act } from "./api.js";

/** `tell(text, { bad })` shows an outcome in the form; `asked(button, action)` runs and tells. */
export function outcomeOf(form) {
  const place = form.querySelector("[data-outcome]");

  function hide() {
    place.hidden = true;
  }

  function tell(text, { bad }) {
    place.textContent = text;
    place.className = bad ? "alert bad" : "alert good";
    place.hidden = false;
    place.scrollIntoView({ block: "nearest" });
  }

  const asked = (button, action) =>
    act(button, async () => {
      hide();
      try {
        await action();
      } catch (error) {
        tell(error.message, { bad: true });
        throw error;
      }
    });

  return { tell, hide, asked };
}
