// What did not arrive: one press sends it again, and the row says so.

import { act, api } from "./api.js";

const list = document.getElementById("deliveries");

list.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-retry]");
  if (!button) return;
  const row = button.closest("tr");
  const done = await act(button, () =>
    api(`/api/deliveries/${encodeURIComponent(row.dataset.id)}/retry`, { method: "POST" }),
  );
  if (!done) return;
  // A second press must not be possible; whether it arrives is seen in the conversation.
  const said = document.createElement("span");
  said.className = "badge good";
  said.setAttribute("role", "status");
  said.textContent = list.dataset.again;
  button.replaceWith(said);
});
