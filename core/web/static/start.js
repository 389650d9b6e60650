// The first steps: the demonstration shop comes by one press, and goes by another.

import { act, api } from "./api.js";

const shop = document.getElementById("shop");
const path = "/api/demonstration";

/** Bring it; what the company knows itself asks for a yes first. */
async function bring() {
  try {
    await api(path, { method: "POST", body: {} });
  } catch (error) {
    if (error.status !== 409) throw error;
    if (!confirm(shop.dataset.sure)) return false;
    await api(path, { method: "POST", body: { anyway: true } });
  }
  return true;
}

const come = shop.querySelector("[data-bring]");
come?.addEventListener("click", () =>
  act(come, async () => {
    if (await bring()) location.reload();
  }),
);

const go = shop.querySelector("[data-remove]");
go?.addEventListener("click", () => {
  if (!confirm(shop.dataset.removeSure)) return;
  act(go, async () => {
    await api(path, { method: "DELETE" });
    location.reload();
  });
});
