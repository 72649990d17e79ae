// Values where somebody points, and zoom, for charts that share an axis: what the server drew stays, as wide as it has to be.
// Numbers for it stand beside the charts as JSON, words in data attributes; nothing here builds markup from either.
// What people look at is kept by the id of the group, so that it survives when a part of the page is drawn anew.
"use strict";

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  // So much of the axis, of the whole, is shown at least.
  const LEAST = 1 / 50;
  // A pointer that moved less than this has not dragged, px.
  const STILL_PX = 6;
  // A second click within this makes a double one, ms.
  const DOUBLE_MS = 300;

  // A page that is kept fresh has its times in the zone of the browser, any other one in UTC.
  const zone = document.getElementById("link") ? undefined : "UTC";
  const language = document.documentElement.lang === "en" ? "en-GB" : document.documentElement.lang;
  const clock = (options) => {
    const format = new Intl.DateTimeFormat(language, { ...options, hourCycle: "h23", timeZone: zone });
    return (at) => format.format(new Date(at)).replace(",", "");
  };
  const minute = clock({ hour: "2-digit", minute: "2-digit" });
  const second = clock({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const day = clock({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
  const full = clock({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

  // A number as the server writes it: four significant digits, all of its whole part, thin spaces between thousands.
  function number(value) {
    if (typeof value !== "number" || !Number.isFinite(value)) {
      return "–";
    }
    const size = Math.abs(value);
    if (size !== 0 && (size < 1e-4 || size >= 1e15)) {
      return value.toExponential(3).replace("e+", "e").replaceAll("-", "−");
    }
    const digits = size === 0 ? 0 : Math.floor(Math.log10(size)) + 1;
    const [whole, decimals = ""] = size.toFixed(Math.min(Math.max(4 - digits, 0), 8)).split(".");
    const fraction = decimals.replace(/0+$/, "");
    const grouped = whole.length < 5 ? whole : whole.replace(/\B(?=(\d{3})+$)/g, "\u202f");
    const sign = value < 0 && (fraction || whole !== "0") ? "−" : "";
    return sign + grouped + (fraction ? `.${fraction}` : "");
  }

  function clamp(value, low, high) {
    return Math.min(Math.max(value, low), high);
  }

  // What people look at, by the id of the group: what of the axis is shown (all of it if null), and where they point.
  const kept = new Map();
  const known = new WeakSet();

  class Charts {
    constructor(box) {
      this.box = box;
      this.from = Number(box.dataset.from);
      this.to = Number(box.dataset.to);
      const { cells, series } = JSON.parse(box.querySelector("script[type='application/json']").textContent);
      this.cells = cells;
      this.series = series;
      this.clips = [...box.querySelectorAll(".clip")];
      this.wide = [...box.querySelectorAll(".wide")];
      this.axes = [...box.querySelectorAll("svg[data-axis]")];
      this.outputs = [...box.querySelectorAll("output[data-series]")];
      this.told = box.querySelector(".told");
      this.marks = this.clips.map((clip) => this.mark(clip, "cursor"));
      this.chosen = this.clips.map((clip) => this.mark(clip, "chosen"));
      if (!kept.has(box.id)) {
        kept.set(box.id, { shown: null, at: null });
      }
      this.state = kept.get(box.id);
      this.touches = new Map();
      this.listen();
      box.querySelector(".tools").hidden = false;
      this.draw();
    }

    mark(clip, kind) {
      const mark = document.createElement("div");
      mark.className = kind;
      mark.hidden = true;
      clip.append(mark);
      return mark;
    }

    // What of the axis is shown.
    window() {
      const whole = this.to - this.from;
      if (!this.state.shown) {
        return [this.from, this.to];
      }
      const [a, b] = this.state.shown;
      const span = clamp(b - a, whole * LEAST, whole);
      const begin = clamp(a, this.from, this.to - span);
      return [begin, begin + span];
    }

    show(a, b) {
      this.state.shown = b - a >= (this.to - this.from) * 0.9999 ? null : [a, b];
      this.draw();
    }

    zoom(factor) {
      const [a, b] = this.window();
      const { at } = this.state;
      const centre = at !== null && at >= a && at <= b ? at : (a + b) / 2;
      const span = clamp((b - a) * factor, (this.to - this.from) * LEAST, this.to - this.from);
      const begin = clamp(centre - ((centre - a) / (b - a)) * span, this.from, this.to - span);
      this.show(begin, begin + span);
    }

    all() {
      this.state.shown = null;
      this.draw();
    }

    point(at) {
      this.state.at = at === null ? null : clamp(at, this.from, this.to);
      this.tell();
    }

    // One cell on or back; what is shown follows.
    step(by) {
      const middle = (cell) => (cell[0] + cell[1]) / 2;
      const here = this.state.at === null ? -1 : this.cell(this.state.at);
      const last = this.cells.length - 1;
      if (last < 0) {
        const [a, b] = this.window();
        this.point((this.state.at ?? (a + b) / 2) + (clamp(by, -100, 100) * (b - a)) / 100);
      } else {
        const next = here < 0 ? (by > 0 && by <= last ? 0 : last) : here + by;
        this.point(middle(this.cells[clamp(next, 0, last)]));
      }
      const [a, b] = this.window();
      const { at } = this.state;
      if (at < a || at > b) {
        const begin = clamp(at - (b - a) / 2, this.from, this.to - (b - a));
        this.show(begin, begin + b - a);
      }
    }

    // The cell at a place of the axis, the nearest one where there is none; -1 of no cells.
    cell(at) {
      let best = -1;
      let least = Infinity;
      this.cells.forEach(([from, to], ix) => {
        const away = at < from ? from - at : at > to ? at - to : 0;
        if (away < least) {
          [best, least] = [ix, away];
        }
      });
      return best;
    }

    // When it was, ms.
    instant(at) {
      if (this.box.dataset.charts === "t") {
        return Math.round(at);
      }
      const ix = this.cell(at);
      if (ix < 0) {
        return null;
      }
      const [from, to, begin, end] = this.cells[ix];
      const part = to > from ? clamp((at - from) / (to - from), 0, 1) : 0;
      return Math.round(begin + part * (end - begin));
    }

    address(at) {
      const { moment } = this.box.dataset;
      const ms = this.instant(at);
      return moment && ms !== null ? `${moment}${moment.includes("?") ? "&" : "?"}at=${ms}` : null;
    }

    draw() {
      const [a, b] = this.window();
      const times = (this.to - this.from) / (b - a);
      for (const drawing of this.wide) {
        drawing.style.width = `${times * 100}%`;
        drawing.style.left = `${(-(a - this.from) / (b - a)) * 100}%`;
      }
      for (const axis of this.axes) {
        this.ticks(axis, a, b);
      }
      this.tell();
    }

    // The numbers along an axis: the server's own while all is shown.
    ticks(axis, a, b) {
      axis.whole ??= [...axis.childNodes];
      if (!this.state.shown) {
        axis.replaceChildren(...axis.whole);
        return;
      }
      const kind = axis.dataset.axis;
      const [low, high] = kind === "e" ? [this.to - b, this.to - a] : [a, b];
      const step = kind === "t" ? ofTime(high - low) : round((high - low) / 6);
      const told = kind === "t" ? (step < 60000 ? second : high - low > 129600000 ? day : minute) : number;
      const children = [];
      for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) {
        const place = kind === "e" ? this.to - tick : tick;
        const across = `${((place - a) / (b - a)) * 100}%`;
        const line = document.createElementNS(SVG, "line");
        line.setAttribute("x1", across);
        line.setAttribute("x2", across);
        line.setAttribute("y2", "5");
        const text = document.createElementNS(SVG, "text");
        text.setAttribute("x", across);
        text.setAttribute("y", "19");
        text.textContent = told(kind === "t" ? tick : Number(tick.toPrecision(12)));
        children.push(line, text);
      }
      axis.replaceChildren(...children);
    }

    // What is where somebody points.
    tell() {
      const [a, b] = this.window();
      const { at } = this.state;
      const seen = at !== null && at >= a && at <= b;
      for (const mark of this.marks) {
        mark.hidden = !seen;
        mark.style.left = seen ? `${((at - a) / (b - a)) * 100}%` : "";
      }
      const ix = seen ? this.cell(at) : -1;
      for (const output of this.outputs) {
        const { mean, least, greatest } = this.series[Number(output.dataset.series)] ?? {};
        let text = ix < 0 ? "" : number(mean?.[ix]);
        if (ix >= 0 && typeof least?.[ix] === "number" && least[ix] !== greatest[ix]) {
          text += ` (${number(least[ix])}–${number(greatest[ix])})`;
        }
        output.textContent = text;
      }
      if (!seen) {
        this.told.textContent = this.box.dataset.hint;
        return;
      }
      const ms = this.instant(at);
      const pieces = {
        "{m}": number(Math.round(at)),
        "{rest}": number(Math.round(this.to - at)),
        "{at}": ms === null ? "–" : full(ms),
      };
      this.told.textContent = this.box.dataset.told.replace(/\{m\}|\{rest\}|\{at\}/g, (piece) => pieces[piece]);
      const address = this.address(at);
      if (address) {
        const link = document.createElement("a");
        link.href = address;
        link.textContent = this.box.dataset.open;
        this.told.append(" ", link);
      }
    }

    // Where on the axis a pointer is, and in which drawing; null outside of all.
    under(event) {
      const clip = event.target.closest?.(".clip");
      if (!clip || !this.box.contains(clip)) {
        return null;
      }
      return this.across(clip, event.clientX);
    }

    across(clip, x) {
      const { left, width } = clip.getBoundingClientRect();
      const [a, b] = this.window();
      return a + clamp((x - left) / width, 0, 1) * (b - a);
    }

    choose(from, to) {
      const [a, b] = this.window();
      const [low, high] = [Math.min(from, to), Math.max(from, to)];
      for (const mark of this.chosen) {
        mark.hidden = low === high;
        mark.style.left = `${((low - a) / (b - a)) * 100}%`;
        mark.style.width = `${((high - low) / (b - a)) * 100}%`;
      }
    }

    listen() {
      const { box } = this;
      let drag = null;
      let pinch = null;
      let waits = 0;
      const stop = () => {
        drag = null;
        this.choose(0, 0);
      };
      box.addEventListener("pointerdown", (event) => {
        const at = this.under(event);
        if (at === null || event.button !== 0) {
          return;
        }
        const clip = event.target.closest(".clip");
        if (event.pointerType === "touch") {
          this.touches.set(event.pointerId, event.clientX);
          const fingers = [...this.touches.values()];
          pinch = fingers.length === 2 ? { clip, held: fingers.map((x) => this.across(clip, x)) } : null;
          this.point(at);
        } else {
          drag = { clip, at, x: event.clientX, moved: false };
          clip.setPointerCapture(event.pointerId);
        }
      });
      box.addEventListener("pointermove", (event) => {
        if (this.touches.has(event.pointerId)) {
          this.touches.set(event.pointerId, event.clientX);
        }
        if (pinch && this.touches.size === 2) {
          this.pinch(pinch);
          return;
        }
        if (drag) {
          drag.moved ||= Math.abs(event.clientX - drag.x) > STILL_PX;
          const at = this.across(drag.clip, event.clientX);
          if (drag.moved) {
            this.choose(drag.at, at);
          }
          this.point(at);
          return;
        }
        const at = this.under(event);
        if (at !== null) {
          this.point(at);
        }
      });
      box.addEventListener("pointerup", (event) => {
        this.touches.delete(event.pointerId);
        pinch = null;
        if (!drag) {
          return;
        }
        const { clip, at, moved } = drag;
        stop();
        const now = this.across(clip, event.clientX);
        if (moved) {
          this.show(Math.min(at, now), Math.max(at, now));
          return;
        }
        const address = this.address(now);
        // A second click means all of it, and not the moment.
        clearTimeout(waits);
        if (address && event.detail !== 2) {
          waits = setTimeout(() => location.assign(address), DOUBLE_MS);
        }
      });
      box.addEventListener("pointercancel", (event) => {
        this.touches.delete(event.pointerId);
        pinch = null;
        stop();
      });
      box.addEventListener("pointerleave", (event) => {
        if (event.pointerType !== "touch" && !drag && document.activeElement !== box) {
          this.point(null);
        }
      });
      box.addEventListener("dblclick", (event) => {
        if (this.under(event) !== null) {
          clearTimeout(waits);
          this.all();
        }
      });
      box.addEventListener("click", (event) => {
        const { zoom } = event.target.dataset ?? {};
        if (zoom === "in" || zoom === "out") {
          this.zoom(zoom === "in" ? 0.5 : 2);
        } else if (zoom === "all") {
          this.all();
        }
      });
      box.addEventListener("keydown", (event) => {
        if (event.target !== box || event.ctrlKey || event.metaKey || event.altKey) {
          return;
        }
        const done = {
          ArrowLeft: () => this.step(event.shiftKey ? -10 : -1),
          ArrowRight: () => this.step(event.shiftKey ? 10 : 1),
          Home: () => this.step(-Infinity),
          End: () => this.step(Infinity),
          "+": () => this.zoom(0.5),
          "=": () => this.zoom(0.5),
          "-": () => this.zoom(2),
          Escape: () => {
            stop();
            this.all();
          },
          Enter: () => {
            const address = this.state.at === null ? null : this.address(this.state.at);
            if (address) {
              location.assign(address);
            }
          },
        }[event.key];
        if (done) {
          event.preventDefault();
          done();
        }
      });
    }

    // What two fingers hold stays under them.
    pinch({ clip, held }) {
      const { left, width } = clip.getBoundingClientRect();
      const [one, two] = [...this.touches.values()].map((x) => (x - left) / width);
      const span = (held[1] - held[0]) / (two - one);
      if (!Number.isFinite(span) || span <= 0) {
        return;
      }
      const wide = clamp(span, (this.to - this.from) * LEAST, this.to - this.from);
      const begin = clamp(held[0] - one * wide, this.from, this.to - wide);
      this.show(begin, begin + wide);
    }
  }

  // A step between round numbers.
  function round(rough) {
    const ten = 10 ** Math.floor(Math.log10(rough));
    return ([1, 2, 5, 10].find((nice) => nice * ten >= rough) ?? 10) * ten;
  }

  // A step between round times, ms.
  function ofTime(span) {
    const seconds = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
    return 1000 * (seconds.find((step) => span / (step * 1000) < 6) ?? 86400);
  }

  function begin() {
    for (const box of document.querySelectorAll("[data-charts]")) {
      if (!known.has(box)) {
        known.add(box);
        new Charts(box);
      }
    }
  }

  begin();
  document.addEventListener("drawn", begin);
})();
