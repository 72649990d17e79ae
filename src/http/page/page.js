// Keeps the page fresh: listens for changes, fetches the fragment, replaces the parts that differ.
// The server has escaped everything; nothing here builds markup from names. What is said here, and in which
// language times are, is what the page says: its words stand in data attributes.
"use strict";

const main = document.getElementById("main");
const link = document.getElementById("link");
const lost = document.getElementById("lost");
const say = document.getElementById("say");

// A stream that says nothing for this long is dead: the server says "alive" every 5 s.
const SILENCE_MS = 15000;
// The page is drawn at most this often.
const PACE_MS = 1000;

const formats = {
  m: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  s: { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" },
  d: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
};
const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
for (const key of Object.keys(formats)) {
  formats[key] = new Intl.DateTimeFormat(language, formats[key]);
}
const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone || link.dataset.local;

function localise(root) {
  for (const element of root.querySelectorAll("[data-t]")) {
    const at = new Date(Number(element.dataset.t));
    if (!Number.isNaN(at.getTime())) {
      element.textContent = formats[element.dataset.f].format(at).replace(",", "");
    }
  }
  for (const element of root.querySelectorAll("[data-zone]")) {
    element.textContent = zone;
  }
}

// The markup of each part as the server sent it, before times were put into this zone.
let sources = new Map();
let said = new Map();

function partsOf(root) {
  return [...root.querySelectorAll("[data-part]")];
}

function remember() {
  sources = new Map(partsOf(main).map((part) => [part.id, part.outerHTML]));
  said = sayings(main);
}

function sayings(root) {
  return new Map([...root.querySelectorAll("[data-say]")].map((part) => [part.id, part.dataset.say]));
}

// Scroll positions and the focus survive a replacement.
function keeping(root, replace) {
  const scrolls = [...root.querySelectorAll("[data-keep]")].map((box) => [box.id, box.scrollTop, box.scrollLeft]);
  const focus = root.contains(document.activeElement) ? document.activeElement.id : "";
  replace();
  for (const [id, top, left] of scrolls) {
    const box = document.getElementById(id);
    if (box) {
      box.scrollTop = top;
      box.scrollLeft = left;
    }
  }
  if (focus) {
    document.getElementById(focus)?.focus({ preventScroll: true });
  }
}

function draw(markup) {
  const fresh = new DOMParser().parseFromString(markup, "text/html").body;
  const parts = partsOf(fresh);
  const next = new Map(parts.map((part) => [part.id, part.outerHTML]));
  const changed = [];
  for (const [id, saying] of sayings(fresh)) {
    if (said.has(id) && said.get(id) !== saying) {
      changed.push(saying);
    }
  }
  said = sayings(fresh);
  const title = fresh.querySelector("[data-title]")?.dataset.title;
  const sameShape = parts.length === sources.size && parts.every((part) => sources.has(part.id));
  if (sameShape) {
    for (const part of parts) {
      if (sources.get(part.id) !== next.get(part.id)) {
        localise(part);
        const old = document.getElementById(part.id);
        keeping(old, () => old.replaceWith(part));
      }
    }
  } else {
    localise(fresh);
    keeping(main, () => main.replaceChildren(...fresh.childNodes));
  }
  sources = next;
  if (title) {
    document.title = title;
  }
  if (changed.length > 0) {
    say.textContent = changed.join(say.dataset.stop);
  }
}

let fetching = false;
let wanted = false;
let drawn = 0;

async function refresh() {
  wanted = true;
  if (fetching) {
    return;
  }
  fetching = true;
  while (wanted) {
    const rest = drawn + PACE_MS - Date.now();
    if (rest > 0) {
      await new Promise((done) => setTimeout(done, rest));
    }
    wanted = false;
    drawn = Date.now();
    try {
      const answer = await fetch(link.dataset.fragment, { cache: "no-store", signal: AbortSignal.timeout(10000) });
      if (!answer.ok) {
        throw new Error(String(answer.status));
      }
      draw(await answer.text());
      alive();
    } catch {
      dead();
    }
  }
  fetching = false;
}

let heard = Date.now();

function alive() {
  heard = Date.now();
  link.className = "link live";
  link.textContent = link.dataset.live;
  lost.hidden = true;
  document.body.classList.remove("lost");
}

function dead() {
  if (!document.body.classList.contains("lost")) {
    const since = formats.s.format(new Date(heard));
    lost.textContent = lost.dataset.text.replace("{since}", since);
    lost.hidden = false;
    document.body.classList.add("lost");
    document.title = lost.dataset.title;
  }
  link.className = "link dead";
  link.textContent = link.dataset.dead;
}

let stream = null;

function listen() {
  stream?.close();
  stream = new EventSource("api/v1/events");
  stream.addEventListener("lines", () => {
    heard = Date.now();
    refresh();
  });
  // Lost, or refused because too many listen: asking once tells which, and keeps the page fresh.
  stream.addEventListener("error", refresh);
  stream.addEventListener("alive", () => {
    heard = Date.now();
    if (document.body.classList.contains("lost")) {
      refresh();
    }
  });
}

// A hidden page holds no connection: browsers give a server only six.
function listenWhileSeen() {
  if (document.hidden) {
    stream?.close();
    stream = null;
  } else if (!stream) {
    heard = Date.now();
    listen();
  }
}

setInterval(() => {
  if (!stream) {
    return;
  }
  if (Date.now() - heard > SILENCE_MS) {
    dead();
  }
  if (stream.readyState === EventSource.CLOSED || Date.now() - heard > SILENCE_MS) {
    listen();
  }
}, 5000);

remember();
localise(document);
document.addEventListener("visibilitychange", listenWhileSeen);
listenWhileSeen();
