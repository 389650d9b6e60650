// A small, safe subset of Markdown: builds DOM nodes and never parses text as HTML.

const BLOCK_START = /^(\s*([-*+]|\d{1,3}[.)])\s+|#{1,6}\s|>|```|~~~)/;

/** A fragment of nodes for this text. `cite(n)` gives a node for "[n]", or null. */
export function render(text, { cite = () => null } = {}) {
  const fragment = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").split("\n").map((l) => l.trimEnd());
  let at = 0;
  while (at < lines.length) {
    at = block(lines, at, fragment, cite);
  }
  return fragment;
}

/** The address when it is http or https and nothing else, otherwise "". */
export function safeUrl(raw) {
  try {
    const url = new URL(String(raw).trim());
    return url.protocol === "http:" || url.protocol === "https:" ? url.href : "";
  } catch {
    return "";
  }
}

/** A link that opens elsewhere and tells nothing about us. */
export function outsideLink(href, text) {
  const link = document.createElement("a");
  link.href = href;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.textContent = text;
  return link;
}

function block(lines, at, into, cite) {
  const line = lines[at];
  if (!line.trim()) return at + 1;
  const fence = line.match(/^\s*(```|~~~)/);
  if (fence) return code(lines, at, fence[1], into);
  const heading = line.match(/^#{1,6}\s+(\S.*)$/);
  if (heading) {
    into.append(filled("p", "md-heading", heading[1], cite));
    return at + 1;
  }
  if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
    into.append(document.createElement("hr"));
    return at + 1;
  }
  if (/^\s*>/.test(line)) return quote(lines, at, into, cite);
  if (/^\s*([-*+]|\d{1,3}[.)])\s+/.test(line)) return list(lines, at, into, cite);
  const next = lines[at + 1] ?? "";
  if (line.includes("|") && next.includes("|") && /^\s*\|?\s*:?-{2,}[-:|\s]*$/.test(next)) {
    return table(lines, at, into, cite);
  }
  const words = [line];
  at += 1;
  while (at < lines.length && lines[at].trim() && !BLOCK_START.test(lines[at])) {
    words.push(lines[at]);
    at += 1;
  }
  into.append(filled("p", "", words.join("\n"), cite));
  return at;
}

function code(lines, at, fence, into) {
  const taken = [];
  at += 1;
  while (at < lines.length && !lines[at].trim().startsWith(fence)) {
    taken.push(lines[at]);
    at += 1;
  }
  const pre = document.createElement("pre");
  pre.tabIndex = 0;
  const inner = document.createElement("code");
  inner.textContent = taken.join("\n");
  pre.append(inner);
  into.append(pre);
  return at + 1;
}

function quote(lines, at, into, cite) {
  const taken = [];
  while (at < lines.length && /^\s*>/.test(lines[at])) {
    taken.push(lines[at].replace(/^\s*>\s?/, ""));
    at += 1;
  }
  const node = document.createElement("blockquote");
  // Depth is bounded by the text's own ">" signs; a flat inner text keeps hostile nesting cheap.
  node.append(filled("p", "", taken.join("\n").replace(/^(\s*>)+\s?/gm, ""), cite));
  into.append(node);
  return at;
}

function list(lines, at, into, cite) {
  const item = /^(\s*)([-*+]|\d{1,3}[.)])\s+(.*)$/;
  const first = lines[at].match(item);
  const ordered = /\d/.test(first[2]);
  const node = document.createElement(ordered ? "ol" : "ul");
  if (ordered) node.start = Number.parseInt(first[2], 10);
  const indent = first[1].length;
  let current = null;
  while (at < lines.length) {
    const found = lines[at].match(item);
    if (found && found[1].length > indent + 1 && current && indent < 8) {
      at = list(lines, at, current, cite);
      continue;
    }
    if (found && /\d/.test(found[2]) !== ordered) break;
    if (found && found[1].length >= indent) {
      current = filled("li", "", found[3], cite);
      node.append(current);
    } else if (!found && lines[at].trim() && /^\s/.test(lines[at]) && current) {
      current.append("\n", ...filled("span", "", lines[at].trim(), cite).childNodes);
    } else {
      break;
    }
    at += 1;
    // One empty line between items keeps the list together.
    if (!lines[at]?.trim() && item.test(lines[at + 1] ?? "")) at += 1;
  }
  into.append(node);
  return at;
}

function table(lines, at, into, cite) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((c) => c.trim());
  const frame = document.createElement("div");
  frame.className = "md-table";
  frame.tabIndex = 0;
  const node = document.createElement("table");
  const head = node.createTHead().insertRow();
  for (const cell of cells(lines[at])) head.append(filled("th", "", cell, cite));
  at += 2;
  const body = node.createTBody();
  while (at < lines.length && lines[at].includes("|")) {
    const row = body.insertRow();
    for (const cell of cells(lines[at])) row.append(filled("td", "", cell, cite));
    at += 1;
  }
  frame.append(node);
  into.append(frame);
  return at;
}

function filled(tag, className, text, cite) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  inline(text, node, cite, 0);
  return node;
}

const INLINE = new RegExp(
  [
    "`([^`\\n]+)`", // 1 code
    "\\*\\*(?=\\S)([^\\n]+?)\\*\\*", // 2 strong
    "__(?=\\S)([^\\n]+?)__", // 3 strong
    "\\*(?=[^\\s*])([^*\\n]+?)\\*", // 4 emphasis
    "(?<![\\w가-힣])_(?=[^\\s_])([^_\\n]+?)_(?![\\w가-힣])", // 5 emphasis
    "!?\\[([^\\]\\n]{1,400})\\]\\(<?([^\\s<>()]*(?:\\([^\\s()]*\\)[^\\s<>()]*)*)>?(?:\\s+\"[^\"\\n]*\")?\\)", // 6, 7
    "\\[(\\d{1,2})\\]", // 8 citation
    "(https?:\\/\\/[^\\s<>\"'`]+)", // 9 bare address
    "\\\\([\\\\`*_{}\\[\\]()#+\\-.!|>~])", // 10 escaped sign
    "(\\n)", // 11 line break
  ].join("|"),
  "g",
);

function inline(text, into, cite, depth) {
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    if (found.index > from) into.append(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [whole, codeText, b1, b2, i1, i2, label, href, number, bare, escaped, line] = found;
    if (codeText !== undefined) {
      into.append(nested("code", codeText, null, depth));
    } else if (b1 ?? b2) {
      into.append(nested("strong", b1 ?? b2, cite, depth));
    } else if (i1 ?? i2) {
      into.append(nested("em", i1 ?? i2, cite, depth));
    } else if (label !== undefined) {
      const address = safeUrl(href);
      if (address) into.append(outsideLink(address, label));
      else into.append(label);
    } else if (number !== undefined) {
      into.append(marked(cite(Number(number)), into) ?? whole);
    } else if (bare !== undefined) {
      let end = bare.length;
      while (end > 0 && ".,;:!?)]}*_。、）」』".includes(bare[end - 1])) end -= 1;
      const address = bare.slice(0, end);
      const url = safeUrl(address);
      into.append(url ? outsideLink(url, address) : address, bare.slice(end));
    } else if (escaped !== undefined) {
      into.append(escaped);
    } else if (line !== undefined) {
      into.append(document.createElement("br"));
    }
  }
  if (from < text.length) into.append(text.slice(from));
}

// A mark clings to the word before it, so that it never begins a line.
function marked(mark, into) {
  const before = into.lastChild;
  if (mark && before?.nodeType === Node.TEXT_NODE) {
    before.data = `${before.data.trimEnd()}\u2060`;
  }
  return mark;
}

function nested(tag, text, cite, depth) {
  const node = document.createElement(tag);
  if (!cite || depth > 4) node.textContent = text;
  else inline(text, node, cite, depth + 1);
  return node;
}
