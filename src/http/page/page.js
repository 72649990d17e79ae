// Keeps a page fresh: listens for changes, fetches its navigation and main again, replaces the parts that differ.
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
const PACE_MS = Number(link.dataset.pace);

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
  sources = new Map(partsOf(document).map((part) => [part.id, part.outerHTML]));
  said = sayings(main);
}

function sayings(root) {
  return new Map([...root.querySelectorAll("[data-say]")].map((part) => [part.id, part.dataset.say]));
}

// Where a person is and what they have begun survives a replacement: scroll positions, what is open, what is typed or
// chosen, the focus and the cursor. Each of these has an id.
function keeping(root, replace) {
  const put = [];
  const keep = (element, back) => put.push([element.id, back]);
  for (const box of root.querySelectorAll("[data-keep]")) {
    const { scrollTop, scrollLeft } = box;
    keep(box, (now) => Object.assign(now, { scrollTop, scrollLeft }));
  }
  for (const fold of root.querySelectorAll("details[id]")) {
    const { open } = fold;
    keep(fold, (now) => Object.assign(now, { open }));
  }
  for (const field of root.querySelectorAll("input[id], textarea[id]")) {
    const { value, checked } = field;
    if (value !== field.defaultValue || checked !== Boolean(field.defaultChecked)) {
      keep(field, (now) => Object.assign(now, { value, checked }));
    }
  }
  for (const field of root.querySelectorAll("select[id]")) {
    const { value } = field;
    if ([...field.options].some((option) => option.selected !== option.defaultSelected)) {
      keep(field, (now) => [...now.options].some((option) => option.value === value) && Object.assign(now, { value }));
    }
  }
  const active = document.activeElement;
  const reachable = () => [...root.querySelectorAll("a[href], button, summary, input, select, textarea")];
  const place = active && !active.id && root.contains(active) ? reachable().indexOf(active) : -1;
  if (active?.id && root.contains(active)) {
    const { selectionStart: from, selectionEnd: to } = active;
    keep(active, (now) => {
      now.focus({ preventScroll: true });
      if (typeof from === "number") {
        now.setSelectionRange(from, to);
      }
    });
  }
  root = replace() ?? root;
  if (place >= 0) {
    reachable()[place]?.focus({ preventScroll: true });
  }
  for (const [id, back] of put) {
    const now = document.getElementById(id);
    if (now) {
      back(now);
    }
  }
}

function draw(markup) {
  const fresh = new DOMParser().parseFromString(markup, "text/html");
  const parts = partsOf(fresh);
  const next = new Map(parts.map((part) => [part.id, part.outerHTML]));
  const saying = sayings(fresh);
  const changed = [...saying].filter(([id, text]) => said.has(id) && said.get(id) !== text).map(([, text]) => text);
  said = saying;
  const title = fresh.getElementById("meta")?.dataset.title;
  const sameShape = parts.length === sources.size && parts.every((part) => sources.has(part.id));
  localise(fresh);
  for (const part of parts) {
    const old = document.getElementById(part.id);
    if ((sameShape || !main.contains(old)) && old && sources.get(part.id) !== next.get(part.id)) {
      // A click that has begun goes to what it began on; the part is drawn the next time.
      if (old.querySelector("a:active, button:active, summary:active")) {
        next.set(part.id, sources.get(part.id));
        continue;
      }
      keeping(old, () => {
        old.replaceWith(part);
        return part;
      });
    }
  }
  if (!sameShape) {
    keeping(main, () => main.replaceChildren(...fresh.getElementById("main").childNodes));
  }
  sources = next;
  if (title) {
    document.title = title;
  }
  if (changed.length > 0) {
    say.textContent = changed.join(say.dataset.stop);
  }
  // For scripts that have put something into a part of their own.
  document.dispatchEvent(new Event("drawn"));
}

// The name of who answers alarms stays in this browser. It may refuse to keep it.
function remembered() {
  for (const field of document.querySelectorAll("[data-remember]")) {
    try {
      field.value ||= localStorage.getItem(field.dataset.remember) ?? "";
    } catch {
      return;
    }
  }
}

document.addEventListener("submit", (event) => {
  for (const field of event.target.querySelectorAll("[data-remember]")) {
    try {
      localStorage.setItem(field.dataset.remember, field.value.trim());
    } catch {
      return;
    }
  }
});

document.addEventListener("drawn", remembered);

let fetching = false;
let wanted = false;
let drawn = Date.now();

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
  stream = new EventSource(link.dataset.events);
  stream.addEventListener("lines", () => {
    if (!document.body.classList.contains("lost")) {
      alive();
    }
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
remembered();
localise(document);
document.addEventListener("visibilitychange", listenWhileSeen);
listenWhileSeen();
