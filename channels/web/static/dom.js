// Builds elements; text is always text, and the only markup is what our own server drew.

/** An element with properties, attributes (names with "-") and children. */
export function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const BLOCKS = "p, li, h1, h2, h3, h4, h5, h6, blockquote, td, th, ul, ol";

/** The nodes of a text that the server drew as safe HTML; nothing else may come here. */
export function markup(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  // Each paragraph reads from the side its own language begins at: Arabic and Hebrew from the right.
  for (const block of holder.content.querySelectorAll(BLOCKS)) block.dir = "auto";
  return holder.content;
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
  return make("a", { href, target: "_blank", rel: "noopener noreferrer" }, text);
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the line drawings below, hidden from screen readers. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", DRAWINGS[name]);
  svg.append(path);
  return svg;
}

const DRAWINGS = {
  spark: "M12 3.5l1.9 5.2a2 2 0 0 0 1.3 1.3l5.3 2-5.3 2a2 2 0 0 0-1.3 1.3L12 20.5l-1.9-5.2a2 2 0 0 0-1.3-1.3l-5.3-2 5.3-2a2 2 0 0 0 1.3-1.3z",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-3.6 3.8-6 7.5-6s6.700 2.4 7.500 6",
  check: "M5 12.5l4.500 4.500L19 7.500",
  star: "M12 3.8l2.500 5.300 5.700.7-4.200 4 1.100 5.700L12 16.700 6.900 19.500 8 13.800l-4.200-4 5.700-.7z",
};
