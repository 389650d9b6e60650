// Everybody's API tokens, for admins.

import { act, api } from "./api.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-withdraw]");
  if (!button || !confirm(button.dataset.sure)) return;
  const row = button.closest("tr");
  const path = `/api/tokens/${encodeURIComponent(row.dataset.tokenId)}`;
  if (await act(button, () => api(path, { method: "DELETE" }))) row.remove();
});
