// The dashboard, live: fetches its numbers when something has happened, and draws its charts.

import { at } from "../core/http.js";
import { live } from "../core/live.js";

const board = document.getElementById("board");
const dark = matchMedia("(prefers-color-scheme: dark)");
const drawn = new Map(); // chart name -> { plot, view, rows, theme }
const SETTLE = 350; // ms in which more events are gathered, and the numbers come to rest
const SPACING = 1000; // ms between two refreshes at least

let specs = null;
let embed = null;
let timer = 0;
let last = Date.now();
let busy = false;
let again = false;

function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
}

async function loadKit() {
  const lang = document.documentElement.lang;
  const [answer] = await Promise.all([
    fetch(`${board.dataset.kit}/${lang}.json`),
    import(`${board.dataset.kit}/vega.js`),
  ]);
  if (!answer.ok) throw new Error(answer.statusText);
  specs = await answer.json();
  embed = window.vegaEmbed;
}

async function draw(figure) {
  const name = figure.dataset.chart;
  const source = figure.querySelector("script[type='application/json']");
  const plot = figure.querySelector(".plot");
  if (!source || !plot) {
    drawn.get(name)?.view.finalize();
    drawn.delete(name);
    return;
  }
  const rows = source.textContent;
  const known = drawn.get(name);
  if (known && known.theme === theme()) {
    plot.replaceWith(known.plot);
    if (known.rows !== rows) {
      known.rows = rows;
      await known.view.data("rows", JSON.parse(rows)).runAsync();
    }
  } else {
    known?.view.finalize();
    const spec = { ...specs[theme()][name], datasets: { rows: JSON.parse(rows) } };
    plot.textContent = "";
    const result = await embed(plot, spec, {
      ast: true, // expressions are interpreted: our policy allows no eval
      actions: false,
      defaultStyle: false,
      renderer: "svg",
      tooltip: { disableDefaultStyle: true },
    });
    drawn.set(name, { plot, view: result.view, rows, theme: theme() });
  }
  const save = figure.querySelector("[data-png]");
  save.hidden = false;
  save.onclick = () => savePicture(name);
}

async function savePicture(name) {
  const { view } = drawn.get(name);
  const surface = getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();
  const before = view.background();
  view.background(surface);
  const url = await view.toImageURL("png", 2);
  view.background(before);
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.png`;
  link.click();
}

async function drawAll() {
  try {
    if (!embed) await loadKit();
    for (const figure of board.querySelectorAll("[data-chart]")) await draw(figure);
    board.dataset.drawn = "yes";
  } catch (error) {
    console.warn(`The charts could not be drawn: ${error.message}`);
    for (const plot of board.querySelectorAll(".plot")) {
      if (!plot.querySelector("svg")) plot.textContent = board.dataset.notDrawn;
    }
  }
}

async function refresh() {
  if (busy) {
    again = true;
    return;
  }
  busy = true;
  last = Date.now();
  let html = "";
  try {
    const answer = await fetch(at(`/console/dashboard/board${location.search}`));
    if (answer.redirected) return location.reload();
    if (answer.ok) html = await answer.text();
  } catch {
    // The line is down; the stream says so, and comes back.
  }
  try {
    if (html) await show(html);
  } finally {
    busy = false;
  }
  if (again) {
    again = false;
    soon();
  }
}

async function show(html) {
  const open = new Set();
  for (const d of board.querySelectorAll("details[open]")) open.add(d.dataset.keep);
  const values = new Map();
  for (const v of board.querySelectorAll(".tile")) {
    values.set(v.id, v.querySelector(".tile-value").textContent);
  }
  const focused = board.contains(document.activeElement) ? pathTo(document.activeElement) : null;
  const next = document.createElement("div");
  next.innerHTML = html;
  for (const d of next.querySelectorAll("details")) d.open = open.has(d.dataset.keep);
  for (const tile of next.querySelectorAll(".tile")) {
    const value = tile.querySelector(".tile-value").textContent;
    if (values.has(tile.id) && values.get(tile.id) !== value) tile.classList.add("changed");
  }
  if (embed) {
    // What is drawn already moves over, so nothing flickers.
    for (const figure of next.querySelectorAll("[data-chart]")) {
      const known = drawn.get(figure.dataset.chart);
      if (known?.theme === theme()) await draw(figure);
    }
  }
  board.replaceChildren(...next.childNodes);
  await drawAll();
  if (focused) board.querySelector(focused)?.focus();
}

function pathTo(element) {
  const holder = element.closest("[id]");
  if (!holder || holder === board) return null;
  const id = `#${CSS.escape(holder.id)}`;
  return holder === element ? id : `${id} ${element.localName}`;
}

function soon() {
  if (timer) return;
  const wait = Math.max(SETTLE, last + SPACING - Date.now());
  timer = setTimeout(() => {
    timer = 0;
    refresh();
  }, wait);
}

const matters = (data) => !["delivery_started", "noted"].includes(data.kind);

live({ change: (data) => matters(data) && soon() }, (isFirst) => isFirst || soon());

// Who comes back finds the filters of the numbers they see, not those they had chosen to leave.
const filters = document.querySelector(".filters-form");
addEventListener("pageshow", () => filters.reset());

new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
dark.addEventListener("change", drawAll);
drawAll();
