// Tells people in time, on whatever page they are: a number in the title and the menu, a dot on the
// icon, and, where they have chosen it, a sound and a notification of their desktop.

import { api } from "./api.js";
import { fill } from "./say.js";
import { EventStream } from "./stream.js";

const MATTERS =
  /^(received|sent$|review_|send_released|decision_undone|taken_over|handed_back|resolved|erased|holder_reminded|noted|assigned|snoozed|woken)/;
const SETTLE_MS = 300;
const AGAIN_MS = 60_000; // also where nothing happens: an open page says that somebody is there
const REST_MS = 2000; // between two looks, however much happens
const texts = JSON.parse(document.querySelector("script[data-texts]").dataset.texts);
const icon = document.querySelector('link[rel="icon"]');
const plain = icon?.href;
let known = null; // what waited when we looked last
let timer = 0;
let lookedAt = 0;

/** A choice of this browser: "sound" or "desktop". */
export const wants = (name) => localStorage.getItem(`notify.${name}`) === "yes";

/** Two short tones, made here: nothing is fetched. */
export function ring() {
  const audio = new AudioContext();
  for (const [at, pitch] of [
    [0, 660],
    [0.16, 880],
  ]) {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.frequency.value = pitch;
    loudness.gain.setValueAtTime(0.08, audio.currentTime + at);
    loudness.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + at + 0.14);
    tone.connect(loudness).connect(audio.destination);
    tone.start(audio.currentTime + at);
    tone.stop(audio.currentTime + at + 0.15);
  }
  setTimeout(() => audio.close(), 600);
}

function tell(text) {
  if (wants("sound")) ring();
  if (!wants("desktop") || !document.hidden || window.Notification?.permission !== "granted") return;
  const note = new Notification(document.title, { body: text, tag: "desk", icon: plain });
  note.addEventListener("click", () => {
    window.focus();
    note.close();
  });
}

/** A dot on the icon while something waits. */
function dot(on) {
  if (!icon || on === (icon.href !== plain)) return;
  if (!on) {
    icon.href = plain;
    return;
  }
  const picture = new Image();
  picture.onload = () => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 64;
    const draw = canvas.getContext("2d");
    draw.drawImage(picture, 0, 0, 64, 64);
    draw.fillStyle = "#b3261e";
    draw.beginPath();
    draw.arc(46, 18, 17, 0, 7);
    draw.fill();
    icon.href = canvas.toDataURL("image/png");
  };
  picture.src = plain;
}

async function look() {
  lookedAt = Date.now();
  let now;
  try {
    now = await api("/api/inbox/counts");
  } catch {
    return; // the next event asks again
  }
  const total = now.queue + now.mine + now.news;
  // The queue counts by itself what it shows.
  if (!document.getElementById("queue")) count(total, now.queue);
  bubble("news", now.news);
  dot(total > 0);
  if (known && now.news > known.news) tell(fill(texts.news, { count: now.news }));
  else if (known && now.mine > known.mine) tell(fill(texts.mine, { count: now.mine }));
  else if (known && now.queue > known.queue) tell(fill(texts.queue, { count: now.queue }));
  known = now;
}

function count(total, queue) {
  document.title = document.title.replace(/^(\(\d+\) )?/, total ? `(${total}) ` : "");
  bubble("approvals", queue);
}

/** The number beside an entry of the menu; none for nothing. */
function bubble(name, number) {
  const shown = document.querySelector(`[data-count="${name}"]`);
  if (!shown) return;
  shown.textContent = String(number);
  shown.hidden = number === 0;
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(look, Math.max(SETTLE_MS, lookedAt + REST_MS - Date.now()));
}

if (document.getElementById("live")) {
  // The page follows what happens already: one stream is enough.
  document.addEventListener("desk", ({ detail }) => {
    if (detail.name !== "change" || MATTERS.test(detail.data.kind)) soon();
  });
} else {
  const stream = new EventStream("/console/events", {
    on: {
      open: soon,
      event(name, data) {
        if (name === "reload" || (name === "change" && MATTERS.test(data.kind))) soon();
      },
      down() {},
      refused() {},
      lost: soon,
    },
  });
  stream.start();
}
look();
setInterval(look, AGAIN_MS);
