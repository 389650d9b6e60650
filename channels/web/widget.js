// The chat on any site: <script src="https://HOST/widget.js" async></script>
//   data-locale="ko"       the language; without it, the page's, then the browser's
//   data-position="left"   the corner; "right" without it
// One global name, ContactCenter: {open, close, toggle}. The page's styles cannot reach in.

(() => {
  "use strict";
  if (window.ContactCenter) return;

  const FROM = "contact-center";
  const OPEN_KEY = "contact-center.open";
  const USED_KEY = "contact-center.used";
  const KEPT_KEY = "contact-center.kept"; // only where the browser refuses the frame storage
  const TEXTS = {
    en: {
      open: "Open the support chat",
      close: "Close the support chat",
      unread: (n) => `Open the support chat, ${n} unread`,
      frame: "Support chat",
    },
    ko: {
      open: "고객 상담 열기",
      close: "고객 상담 닫기",
      unread: (n) => `고객 상담 열기, 읽지 않은 메시지 ${n}개`,
      frame: "고객 상담",
    },
  };
  const STYLE = `
    :host { all: initial; position: fixed; z-index: 2147483000; inset: auto 0 0 auto; }
    :host([data-side="left"]) { inset: auto auto 0 0; }
    .launcher, .frame { position: fixed; right: 20px; }
    :host([data-side="left"]) .launcher, :host([data-side="left"]) .frame { right: auto; left: 20px; }
    .launcher {
      bottom: calc(20px + env(safe-area-inset-bottom, 0px));
      display: grid; place-items: center; width: 58px; height: 58px; margin: 0; padding: 0;
      border: 0; border-radius: 50%; background: #2456c6; color: #fff; cursor: pointer;
      box-shadow: 0 2px 6px rgb(0 0 0 / 18%), 0 10px 28px rgb(0 0 0 / 22%);
      transition: transform .15s, background-color .15s;
    }
    .launcher:hover { background: #1b459f; transform: translateY(-1px); }
    .launcher:focus-visible { outline: 3px solid #fff; outline-offset: -6px; box-shadow: 0 0 0 3px #2456c6; }
    svg { width: 27px; height: 27px; fill: none; stroke: currentColor; stroke-width: 1.9;
      stroke-linecap: round; stroke-linejoin: round; }
    .launcher[aria-expanded="true"] .talk, .launcher[aria-expanded="false"] .down { display: none; }
    .dot {
      position: absolute; top: -3px; right: -3px; min-width: 22px; height: 22px; padding: 0 6px;
      box-sizing: border-box; border: 2px solid #fff; border-radius: 11px; background: #c2281d;
      color: #fff; font: 700 12px/18px system-ui, sans-serif; text-align: center;
    }
    .frame {
      bottom: calc(92px + env(safe-area-inset-bottom, 0px)); width: 400px;
      height: min(680px, calc(100vh - 116px)); height: min(680px, calc(100dvh - 116px));
      border: 0; border-radius: 22px; background: Canvas; color-scheme: light dark;
      box-shadow: 0 4px 12px rgb(0 0 0 / 12%), 0 18px 60px rgb(0 0 0 / 26%);
    }
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
  const origin = new URL(script.src, location.href).origin;
  const asked = script.dataset.locale || document.documentElement.lang || navigator.language || "en";
  const language = asked.toLowerCase().split("-")[0] in TEXTS ? asked.toLowerCase().split("-")[0] : "";
  const texts = TEXTS[language] ?? TEXTS.en;

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

  let host, launcher, dot, frame;
  let isOpen = false;
  let isReady = false;
  let wantsFocus = false;
  let unread = 0;

  function build() {
    host = document.createElement("div");
    host.id = "contact-center";
    host.dataset.side = script.dataset.position === "left" ? "left" : "right";
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
    frame.src = `${origin}/?embed=1${language ? `&lang=${language}` : ""}`;
    // Before the button, so that Tab goes from the button's dialog back to the page.
    launcher.before(frame);
  }

  function open({ focus = true } = {}) {
    isOpen = true;
    wantsFocus = focus;
    load();
    kept.set("sessionStorage", OPEN_KEY, "1");
    show();
    tell();
  }

  function close() {
    if (!isOpen) return;
    isOpen = false;
    kept.set("sessionStorage", OPEN_KEY, "");
    show();
    tell();
    launcher.focus();
  }

  function toggle() {
    if (isOpen) close();
    else open();
  }

  function show() {
    launcher.setAttribute("aria-expanded", String(isOpen));
    const label = isOpen ? texts.close : unread ? texts.unread(unread) : texts.open;
    launcher.setAttribute("aria-label", label);
    launcher.title = label;
    dot.hidden = isOpen || unread === 0;
    dot.textContent = unread > 9 ? "9+" : String(unread);
    if (frame) frame.hidden = !isOpen;
  }

  function tell() {
    if (!isReady) return;
    const say = isOpen ? "opened" : "closed";
    const stored = kept.get("sessionStorage", KEPT_KEY);
    const message = { from: FROM, say, focus: wantsFocus, kept: stored ? JSON.parse(stored) : null };
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
      unread = Number(data.count) || 0;
      show();
    } else if (data.say === "keep") {
      kept.set("sessionStorage", KEPT_KEY, data.session ? JSON.stringify(data.session) : "");
    } else if (data.say === "started") {
      kept.set("localStorage", USED_KEY, "1");
    } else if (data.say === "left") {
      kept.set("localStorage", USED_KEY, "");
    }
  });

  window.ContactCenter = Object.freeze({ open: () => open(), close, toggle });

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
})();
