// Files that an agent attaches to a reply: uploaded at once, listed until they are sent.

import { api } from "../core/api.js";
import { toast } from "../core/say.js";

/** The files of a form: `ids` of what is uploaded, `busy` while something still is. */
export class Attached {
  busy = 0;

  #list;
  #say;
  #upload;
  #limit;

  /** `url` is where a file of this name is sent. */
  constructor(form, { say, url }) {
    this.#list = form.querySelector("[data-files]");
    this.#limit = Number(this.#list.dataset.limit);
    this.#say = say;
    this.#upload = (file) =>
      api(`${url}?name=${encodeURIComponent(file.name)}`, { method: "POST", body: file });
    const field = form.querySelector("[data-attach]");
    field.addEventListener("change", () => {
      for (const file of field.files) this.#add(file);
      field.value = "";
    });
  }

  /** In the order of the list, whichever upload was quickest. */
  get ids() {
    return [...this.#list.children].map((row) => row.dataset.id).filter(Boolean);
  }

  clear() {
    this.#list.replaceChildren();
  }

  async #add(file) {
    if (file.size > this.#limit * 1_000_000) {
      toast(this.#say("attachment.limit", { most: this.#limit }), { bad: true });
      return;
    }
    const row = document.createElement("li");
    row.className = "file";
    row.append(file.name, " …");
    this.#list.append(row);
    this.busy += 1;
    try {
      const { id } = await this.#upload(file);
      row.dataset.id = id;
      this.#offerRemoval(row, file);
    } catch (error) {
      row.remove();
      toast(`${file.name}: ${error.message || this.#say("attachment.failed")}`, { bad: true });
    }
    this.busy -= 1;
  }

  #offerRemoval(row, file) {
    const name = document.createElement("span");
    name.className = "about";
    name.textContent = file.name;
    const out = document.createElement("button");
    out.type = "button";
    out.className = "btn slim quiet";
    out.textContent = "×";
    out.ariaLabel = this.#say("attachment.remove", { name: file.name });
    out.addEventListener("click", () => row.remove());
    row.replaceChildren(name, out);
  }
}
