// Words on the page: templates filled, texts changed once, and what is told by the way.

/** The text with its {placeholders} filled in. */
export function fill(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, key) => String(values[key] ?? whole));
}

/** A function of (name, values) that says the words which the server gave this element. */
export function wordsOf(element) {
  const words = JSON.parse(element.dataset.words);
  return (name, values) => fill(words[name] ?? name, values);
}

/** Changes a text only when it differs, so that it is read aloud once. */
export function show(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A short message that goes by itself; screen readers hear it too. */
export function toast(text, { bad = false } = {}) {
  const item = document.createElement("div");
  item.className = bad ? "toast bad" : "toast";
  item.textContent = text;
  document.getElementById("toasts")?.append(item);
  setTimeout(() => item.remove(), bad ? 8000 : 4000);
}

/** Tells screen readers what everybody else sees. */
export function announce(text) {
  document.getElementById("spoken").textContent = text;
}
