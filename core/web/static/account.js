// One's own account: password and API tokens.

import { act, api } from "./api.js";
import { ring, wants } from "./notify.js";
import { toast } from "./say.js";

const password = document.getElementById("password");
password.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { password: chosen, old, end_tokens: ending } = password.elements;
  const body = { password: chosen.value, old: old?.value ?? "", end_tokens: ending?.checked ?? false };
  const done = await act(password.querySelector("button"), async () => {
    try {
      await api("/api/me/password", { method: "POST", body });
    } catch (error) {
      if (error.status === 403) throw new Error(password.dataset.prove);
      throw error;
    }
  });
  if (done) {
    password.reset();
    toast(password.dataset.done);
    if (body.end_tokens) for (const row of document.querySelectorAll("[data-token-id]")) row.remove();
  }
});

const form = document.getElementById("new-token");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { name: form.elements.name.value };
  if (form.elements.days.value) body.days = Number(form.elements.days.value);
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

// Signals: what this browser plays and shows when something waits.

const signals = document.getElementById("signals");
for (const box of signals.querySelectorAll("[data-signal]")) {
  const name = box.dataset.signal;
  box.checked = wants(name);
  box.addEventListener("change", async () => {
    if (name === "desktop" && box.checked) {
      const allowed = (await window.Notification?.requestPermission()) === "granted";
      if (!allowed) {
        box.checked = false;
        toast(signals.dataset.denied, { bad: true });
      }
    }
    localStorage.setItem(`notify.${name}`, box.checked ? "yes" : "no");
  });
}
signals.querySelector("[data-try]").addEventListener("click", ring);
