// One's own account: password and API tokens.

import { act, api, toast } from "./api.js";

const password = document.getElementById("password");
password.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { password: password.elements.password.value };
  const done = await act(password.querySelector("button"), () =>
    api("/api/me/password", { method: "POST", body }),
  );
  if (done) {
    password.reset();
    toast(password.dataset.done);
  }
});

const form = document.getElementById("new-token");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { name: form.elements.name.value };
  await act(form.querySelector("button"), async () => {
    const { token } = await api("/api/me/tokens", { method: "POST", body });
    const made = document.getElementById("made-token");
    made.querySelector("[data-token]").textContent = token;
    made.hidden = false;
    form.reset();
  });
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-withdraw]");
  if (!button) return;
  const row = button.closest("tr");
  const path = `/api/me/tokens/${row.dataset.tokenId}`;
  if (await act(button, () => api(path, { method: "DELETE" }))) row.remove();
});
