// The chat on any site: <script src="https://HOST/widget.js" async></script>
// Its attributes (data-locale, -position, -colour, -theme, -launcher, -greeting) come before what
// the company has set; README.md beside this file lists them.
// One global name, ContactCenter: {open, close, toggle, identify, on}. The page's styles cannot reach in.

(() => {
  "use strict";
  if (window.ContactCenter) return;

  const FROM = "contact-center";
  const OPEN_KEY = "contact-center.open";
  const USED_KEY = "contact-center.used";
  const UNREAD_KEY = "contact-center.unread";
  const KEPT_KEY = "contact-center.kept"; // only where the browser refuses the frame storage
  const LEAST_CONTRAST = 4.5; // of white on the launcher (WCAG 2.2, 1.4.3)
  const TEXTS = {}; // pages.py writes the texts of every language here
  const COMPANY = {}; // and what the company has set
  const STYLE = `
    :host { all: initial; position: fixed; z-index: 2147483000; inset: auto 0 0 auto; }
    :host([data-side="left"]) { inset: auto auto 0 0; }
    .launcher, .frame { position: fixed; right: 20px; }
    :host([data-side="left"]) .launcher, :host([data-side="left"]) .frame { right: auto; left: 20px; }
    .launcher {
      bottom: calc(20px + env(safe-area-inset-bottom, 0px));
      display: grid; place-items: center; width: 58px; height: 58px; margin: 0; padding: 0;
      border: 0; border-radius: 29px; background: var(--accent, #2456c6); color: #fff; cursor: pointer;
      box-shadow: 0 2px 6px rgb(0 0 0 / 18%), 0 10px 28px rgb(0 0 0 / 22%);
      transition: transform .15s, background-color .15s;
    }
    .launcher:hover {
      background: color-mix(in oklab, var(--accent, #2456c6) 80%, black); transform: translateY(-1px);
    }
    .launcher:focus-visible {
      outline: 3px solid #fff; outline-offset: -6px; box-shadow: 0 0 0 3px var(--accent, #2456c6);
    }
    .launcher.worded[aria-expanded="false"] {
      grid-auto-flow: column; gap: 10px; width: auto; max-width: calc(100vw - 40px);
      padding: 0 22px 0 18px; font: 600 16px/1.3 system-ui, sans-serif;
    }
    .launcher[aria-expanded="true"] .word { display: none; }
    svg { width: 27px; height: 27px; fill: none; stroke: currentColor; stroke-width: 1.9;
      stroke-linecap: round; stroke-linejoin: round; }
    .launcher[aria-expanded="true"] .talk, .launcher[aria-expanded="false"] .down { display: none; }
    .dot {
      position: absolute; top: -3px; right: -3px; min-width: 22px; height: 22px; padding: 0 6px;
      box-sizing: border-box; border: 2px solid #fff; border-radius: 11px; background: #b3261e;
      color: #fff; font: 700 12px/18px system-ui, sans-serif; text-align: center;
    }
    .frame {
      bottom: calc(92px + env(safe-area-inset-bottom, 0px)); width: 400px;
      height: min(680px, calc(100vh - 116px)); height: min(680px, calc(100dvh - 116px));
      border: 0; border-radius: 22px; background: Canvas; color-scheme: light dark;
      box-shadow: 0 4px 12px rgb(0 0 0 / 12%), 0 18px 60px rgb(0 0 0 / 26%);
    }
    .frame[data-theme="light"] { color-scheme: light; }
    .frame[data-theme="dark"] { color-scheme: dark; }
    [hidden] { display: none !important; }
    @media (max-width: 520px) {
      .frame {
        inset: 0 !important; width: 100%; height: 100vh; height: 100dvh; border-radius: 0;
      }
      .launcher[aria-expanded="true"] { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { .launcher { transition: none; } }
    @media print { :host { display: none; } }
  `;

  const script = document.currentScript ?? document.querySelector('script[src*="/widget.js"]');
  if (!script) return;
  const address = new URL(script.src, location.href);
  const { origin } = address;
  const home = new URL("./", address).href; // the chat lies beside this script
  const asked = script.dataset.locale || document.documentElement.lang || navigator.language || "";
  const language = asked.toLowerCase().split("-")[0] in TEXTS ? asked.toLowerCase().split("-")[0] : "";
  const texts = TEXTS[language] ?? Object.values(TEXTS)[0];
  const given = script.dataset;
  const set = {
    left: (given.position ?? COMPANY.position) === "left",
    theme: [given.theme, COMPANY.theme].find((name) => name === "light" || name === "dark") ?? "",
    colour: legible(given.colour ?? given.color) || COMPANY.colour,
    launcher: given.launcher ?? COMPANY.launcher[language || Object.keys(TEXTS)[0]] ?? "",
    greeting: given.greeting ?? "",
    ask: { name: given.askName, email: given.askEmail },
  };
  if (given.theme === "auto") set.theme = "";

  const kept = {
    get(kind, key) {
      try { return window[kind].getItem(key); } catch { return null; }
    },
    set(kind, key, value) {
      try {
        if (value) window[kind].setItem(key, value);
        else window[kind].removeItem(key);
      } catch { /* the site forbids storage: the chat opens closed on the next page */ }
    },
  };

  let host, launcher, dot, frame, opener;
  let visitor; // {id, signature, name, email}; null once the site says that it knows nobody
  let isOpen = false;
  let isReady = false;
  let wantsFocus = false;
  let unread = Number(kept.get("localStorage", UNREAD_KEY)) || 0;
  const listeners = { open: [], close: [], unread: [], message: [] };

  /** The colour, where white words can be read on it; else "", and the site's authors are told. */
  function legible(colour) {
    if (!colour) return "";
    const parts = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour.trim())?.slice(1);
    const [red, green, blue] = (parts ?? ["ff", "ff", "ff"]).map((hex) => {
      const part = parseInt(hex, 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    const luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    if (1.05 / (luminance + 0.05) >= LEAST_CONTRAST) return colour.trim().toLowerCase();
    console.warn(`ContactCenter: data-colour="${colour}" is not #rrggbb or too light for white words`);
    return "";
  }

  /** Call it at "open", "close", "unread" ({count}) or "message" ({author}); ends by what it returns. */
  function on(name, listener) {
    if (!(name in listeners)) throw new TypeError(`ContactCenter knows no event "${name}"`);
    listeners[name].push(listener);
    return () => {
      listeners[name] = listeners[name].filter((other) => other !== listener);
    };
  }

  /** Who is here: {id, signature, name, email}, each as far as known; null when they sign out. */
  function identify(known) {
    const text = (value) => (value === undefined || value === null ? "" : String(value));
    visitor = known && {
      id: text(known.id), signature: text(known.signature),
      name: text(known.name), email: text(known.email),
    };
    if (visitor?.id && !visitor.signature) {
      console.warn("ContactCenter: an id counts with its signature only; see identify in the docs");
      visitor.id = "";
    }
    tell();
  }

  function emit(name, detail = {}) {
    // In tasks of their own: a listener that fails is the site's error and stops nothing of ours.
    for (const listener of listeners[name]) setTimeout(() => listener(detail));
  }

  function build() {
    host = document.createElement("div");
    host.id = "contact-center";
    host.dataset.side = set.left ? "left" : "right";
    const root = host.attachShadow({ mode: "closed" });
    if ("adoptedStyleSheets" in root) {
      // A sheet made by script passes the site's own Content-Security-Policy.
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(STYLE);
      root.adoptedStyleSheets = [sheet];
    } else {
      const style = document.createElement("style");
      style.textContent = STYLE;
      root.append(style);
    }
    launcher = document.createElement("button");
    launcher.type = "button";
    launcher.className = "launcher";
    launcher.setAttribute("part", "launcher");
    launcher.append(
      drawing("talk", "M20.500 11.500a7.500 7.500 0 0 1-11 6.600L4 19.500l1.400-4.800a7.500 7.500 0 1 1 15.100-3.200z"),
      drawing("down", "M6 9.500l6 6 6-6"),
    );
    if (set.colour) launcher.style.setProperty("--accent", set.colour);
    launcher.hidden = set.launcher === "none";
    if (set.launcher) {
      const word = document.createElement("span");
      word.className = "word";
      word.textContent = set.launcher;
      launcher.classList.add("worded");
      launcher.append(word);
    }
    dot = document.createElement("span");
    dot.className = "dot";
    dot.setAttribute("aria-hidden", "true");
    launcher.append(dot);
    launcher.addEventListener("click", toggle);
    root.append(launcher);
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && isOpen) close();
    });
    document.body.append(host);
    show();
  }

  function drawing(name, path) {
    const ns = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(ns, "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", name);
    svg.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(ns, "path");
    line.setAttribute("d", path);
    svg.append(line);
    return svg;
  }

  function load() {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.className = "frame";
    frame.title = texts.frame;
    frame.hidden = !isOpen;
    frame.dataset.theme = set.theme;
    const look = { embed: 1, lang: language, theme: set.theme, colour: set.colour?.slice(1) };
    const query = Object.entries(look).filter(([, value]) => value);
    frame.src = `${home}?${new URLSearchParams(query)}`;
    // Before the button, so that Tab goes from the button's dialog back to the page.
    launcher.before(frame);
  }

  function open({ focus = true } = {}) {
    if (!isOpen) opener = document.activeElement;
    const isNew = !isOpen;
    isOpen = true;
    wantsFocus = focus;
    load();
    kept.set("sessionStorage", OPEN_KEY, "1");
    show();
    tell();
    if (isNew) emit("open");
  }

  function close() {
    if (!isOpen) return;
    isOpen = false;
    kept.set("sessionStorage", OPEN_KEY, "");
    show();
    tell();
    if (launcher.hidden) opener?.focus?.();
    else launcher.focus();
    emit("close");
  }

  function toggle() {
    if (isOpen) close();
    else open();
  }

  function show() {
    launcher.setAttribute("aria-expanded", String(isOpen));
    const label = isOpen ? texts.close : unread ? texts.unread.replace("{n}", unread) : texts.open;
    // Whoever speaks to their computer says what they see (WCAG 2.2, 2.5.3).
    const seen = isOpen ? "" : set.launcher;
    launcher.setAttribute("aria-label", seen ? `${seen}. ${label}` : label);
    launcher.title = label;
    dot.hidden = isOpen || unread === 0;
    dot.textContent = unread > 9 ? "9+" : String(unread);
    if (frame) frame.hidden = !isOpen;
  }

  function tell() {
    if (!isReady) return;
    const say = isOpen ? "opened" : "closed";
    const stored = kept.get("sessionStorage", KEPT_KEY);
    const wish = { greeting: set.greeting, ask: set.ask, visitor };
    const message = { from: FROM, say, focus: wantsFocus, kept: stored ? JSON.parse(stored) : null, wish };
    frame.contentWindow.postMessage(message, origin);
    if (isOpen && wantsFocus) frame.focus();
    wantsFocus = false;
  }

  window.addEventListener("message", ({ origin: sender, source, data }) => {
    if (sender !== origin || source !== frame?.contentWindow || data?.from !== FROM) return;
    if (data.say === "ready") {
      isReady = true;
      tell();
    } else if (data.say === "close") {
      close();
    } else if (data.say === "unread") {
      const count = Number(data.count) || 0;
      if (count !== unread) emit("unread", { count });
      unread = count;
      kept.set("localStorage", UNREAD_KEY, count ? String(count) : "");
      show();
    } else if (data.say === "message") {
      emit("message", { author: String(data.author) });
    } else if (data.say === "keep") {
      kept.set("sessionStorage", KEPT_KEY, JSON.stringify(data.kept));
    } else if (data.say === "started") {
      kept.set("localStorage", USED_KEY, "1");
    } else if (data.say === "left") {
      kept.set("localStorage", USED_KEY, "");
    }
  });

  window.ContactCenter = Object.freeze({ open: () => open(), close, toggle, identify, on });

  function start() {
    build();
    if (kept.get("sessionStorage", OPEN_KEY) && matchMedia("(min-width: 521px)").matches) {
      open({ focus: false });
    } else if (kept.get("localStorage", USED_KEY)) {
      // Somebody waits for an answer: load quietly, so that the number can appear.
      const quietly = window.requestIdleCallback ?? ((work) => setTimeout(work, 1_500));
      quietly(load);
    }
  }

  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start, { once: true });
  // The script comes when it comes: a page that uses the name waits for this.
  window.dispatchEvent(new CustomEvent("contact-center:ready"));
})();
