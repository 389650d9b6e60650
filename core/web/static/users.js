// The users page: every change goes through the API and shows at once.

import { act, api } from "./api.js";
import { fill, toast } from "./say.js";

const dialog = document.getElementById("link-dialog");
const shown = dialog.querySelector("[data-link]");
const made = dialog.querySelector("[data-made]");
const INVITATION_MINUTES = 4320; // three days: a weekend does not void it
const path = (row) => `/api/users/${encodeURIComponent(row.dataset.email)}`;

const invited = (row, minutes) =>
  api(`${path(row)}/invitation?minutes=${minutes}`, { method: "POST" });

const form = document.getElementById("add-user");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { invite, ...body } = Object.fromEntries(new FormData(form));
  const done = await act(form.querySelector("button"), async () => {
    const { email } = await api("/api/users", { method: "POST", body });
    if (!invite) return;
    try {
      await invited({ dataset: { email } }, INVITATION_MINUTES);
    } catch (error) {
      // They are added all the same; the page that is loaded anew would hide why no mail went.
      alert(error.message);
    }
  });
  if (done) location.reload();
});

document.getElementById("users").addEventListener("change", async (event) => {
  const field = event.target.dataset.field;
  const row = event.target.closest("tr");
  if (!field || !row) return;
  const { target } = event;
  const body = { [field]: target.value };
  const done = await act(target, () => api(path(row), { method: "PATCH", body }));
  const order = [...document.querySelector("#add-user [name=role]").options].map((o) => o.value);
  const before = field === "role" ? [...target.options].find((o) => o.defaultSelected)?.value : "";
  const raised = field === "role" && order.indexOf(target.value) > order.indexOf(before);
  const said = raised ? fill(dialog.dataset.raised, row.dataset) : dialog.dataset.saved;
  if (done) toast(said);
  if (done && raised) row.querySelector('[data-field="slack_id"]').value = "";
  // What stands here is what is stored: after a refusal that is the old value again.
  if (field === "role") {
    for (const option of target.options) {
      if (done) option.defaultSelected = option.selected;
      else option.selected = option.defaultSelected;
    }
  } else if (done) target.defaultValue = target.value;
  else target.value = target.defaultValue;
});

document.getElementById("users").addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-do]");
  if (!button) return;
  const row = button.closest("tr");
  switch (button.dataset.do) {
    case "link":
      dialog.row = row;
      made.hidden = true;
      dialog.querySelector("[data-for]").textContent = fill(dialog.dataset.whose, row.dataset);
      dialog.showModal();
      break;
    case "sign-out":
      leaving.row = row;
      leaving.querySelector("h2").textContent = fill(leaving.dataset.sure, row.dataset);
      leaving.querySelector("[name=tokens]").checked = false;
      leaving.showModal();
      break;
    case "forget-provider":
      if (!confirm(button.dataset.sure)) return;
      if (await act(button, () => api(`${path(row)}/provider`, { method: "DELETE" }))) button.remove();
      break;
    case "remove":
      if (!confirm(button.dataset.sure)) return;
      if (await act(button, () => api(path(row), { method: "DELETE" }))) row.remove();
      break;
  }
});

const leaving = document.getElementById("sign-out-dialog");
leaving.querySelector("[data-close]").addEventListener("click", () => leaving.close());
leaving.querySelector("[data-go]").addEventListener("click", async (event) => {
  const tokens = leaving.querySelector("[name=tokens]").checked;
  const address = `${path(leaving.row)}/sessions${tokens ? "?tokens=true" : ""}`;
  if (await act(event.target, () => api(address, { method: "DELETE" }))) location.reload();
});

const minutes = () => Number(dialog.querySelector("[name=minutes]").value);
const email = () => dialog.row.dataset.email;

dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
const make = dialog.querySelector("[data-make]");
make.addEventListener("click", () =>
  act(make, async () => {
    const address = `${path(dialog.row)}/link?minutes=${minutes()}`;
    const link = await api(address, { method: "POST" });
    const until = new Date(link.expires_at).toLocaleString(document.documentElement.lang, {
      dateStyle: "medium",
      timeStyle: "short",
    });
    dialog.querySelector("[data-text]").textContent = fill(dialog.dataset.ready, {
      email: email(),
      until,
    });
    shown.textContent = link.url;
    made.hidden = false;
  }),
);
const mail = dialog.querySelector("[data-mail]");
mail?.addEventListener("click", async () => {
  if (!(await act(mail, () => invited(dialog.row, minutes())))) return;
  dialog.close();
  toast(fill(dialog.dataset.mailed, { email: email() }));
});
dialog.querySelector("[data-copy]").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(shown.textContent);
    toast(dialog.dataset.copied);
  } catch {
    getSelection().selectAllChildren(shown);
  }
});
