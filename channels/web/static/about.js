// What a visitor is asked before a conversation begins: a name, an address, as the company wishes.

const NAMES = ["name", "email"];
const EMAIL = /^[^\s@<>]+@[^\s@<>]+$/;
const WISHES = ["optional", "required"];

export class About {
  #form;
  #memory;
  #known = null; // who the site says that they are: {id, signature, name, email}

  /** `form` says by data-ask-name and data-ask-email what is asked for: "optional", "required". */
  constructor({ form, memory }) {
    this.#form = form;
    this.#memory = memory;
    for (const name of NAMES) {
      this.#field(name).value = memory.about[name] ?? "";
      this.#field(name).addEventListener("input", () => this.#wrote());
    }
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** The site asks for something else than the company has set. */
  ask(wishes) {
    for (const name of NAMES) {
      const wish = wishes?.[name];
      if (wish === undefined) continue;
      this.#form.dataset[key(name)] = WISHES.includes(wish) ? wish : "";
    }
  }

  /** The site knows who they are; null when it does not. What is no address is left out. */
  identify(known) {
    const { id = "", signature = "", name = "", email = "" } = known ?? {};
    this.#known = known && {
      id,
      signature,
      name: name.trim().slice(0, 100),
      email: EMAIL.test(email) ? email : "",
    };
  }

  /** For the API: {name, email, id, signature} as far as known; undefined for nothing. */
  get visitor() {
    const said = Object.fromEntries(NAMES.map((name) => [name, this.#of(name)]));
    const { id, signature } = this.#known ?? {};
    const all = { ...said, id, signature };
    const known = Object.entries(all).filter(([, value]) => value);
    return known.length ? Object.fromEntries(known) : undefined;
  }

  /** Show what is still to be asked, as long as nothing has been said. */
  draw(isBeginning) {
    for (const name of NAMES) {
      const wish = this.#form.dataset[key(name)];
      const isAsked = Boolean(wish) && !this.#known?.[name];
      this.#field(name).closest("label").hidden = !isAsked;
      this.#field(name).required = isAsked && wish === "required";
      this.#field(name).disabled = !isAsked;
      this.#form.querySelector(`[data-optional=${name}]`).hidden = wish !== "optional";
    }
    this.#form.hidden = !isBeginning || NAMES.every((name) => this.#field(name).disabled);
  }

  /** Whether a conversation may begin; else the browser says at the field what is missing. */
  check() {
    return this.#form.hidden || this.#form.reportValidity();
  }

  #of(name) {
    const field = this.#field(name);
    return this.#known?.[name] || (field.disabled ? "" : field.value.trim());
  }

  #wrote() {
    this.#memory.about = Object.fromEntries(NAMES.map((name) => [name, this.#of(name)]));
  }

  #field(name) {
    return this.#form.elements.namedItem(name);
  }
}

const key = (name) => `ask${name[0].toUpperCase()}${name.slice(1)}`;
