// The live tail in the browser: draws what the kernel sends and says when it has drawn it, so that the
// kernel sends no faster than somebody can look. See tail.py.

const TEXTS = {
  de: {
    tail: "Live-Ansicht von", pause: "Pause", resume: "Weiter", filter: "Filter",
    filterHint: "z. B. sensor=kolbeplatz persons>20", fields: "Felder", time: "Zeit", key: "Schlüssel",
    waiting: "wartet auf Nachrichten", live: "läuft", paused: "angehalten", messages: "Nachrichten",
    skipped: "übersprungen", latest: "zuletzt", noJson: "unlesbar", rows: "letzte Nachrichten, neueste zuerst",
    curve: "Verlauf", from: "von", to: "bis", asOf: "Stand", nothing: "keine Nachrichten",
  },
  en: {
    tail: "Live view of", pause: "Pause", resume: "Resume", filter: "Filter",
    filterHint: "e.g. sensor=kolbeplatz persons>20", fields: "Fields", time: "Time", key: "Key",
    waiting: "waiting for messages", live: "live", paused: "paused", messages: "messages",
    skipped: "skipped", latest: "latest", noJson: "unreadable", rows: "latest messages, newest first",
    curve: "curve of", from: "from", to: "to", asOf: "As of", nothing: "no messages",
  },
};
const ALIVE_MS = 5000;
const FILTER_DELAY_MS = 300;
const ANNOUNCE_MS = 10000; // a screen reader is told at most this often
const MAX_LINES = 6;
const MAX_COLUMNS = 60; // whatever names the messages bring
const SVG = "http://www.w3.org/2000/svg";

// How many views show a model; the last one says goodbye.
const viewCounts = new WeakMap();

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

class TailView {
  constructor(model, el) {
    this.model = model;
    this.el = el;
    this.language = model.get("language") === "en" ? "en" : "de";
    this.texts = TEXTS[this.language];
    this.numbers = new Intl.NumberFormat(this.language, { maximumFractionDigits: 3 });
    this.times = new Intl.DateTimeFormat(this.language, {
      timeZone: model.get("time_zone"), hour: "2-digit", minute: "2-digit", second: "2-digit",
    });
    this.instants = new Intl.DateTimeFormat(this.language, {
      timeZone: model.get("time_zone"), dateStyle: "medium", timeStyle: "medium",
    });
    this.rows = [];
    this.pending = [];
    this.hidden = new Set();
    this.columns = [];
    this.counts = { received: 0, skipped: 0 };
    this.announcedAt = 0;
    this.frame = 0;
    // Public pages are saved: they say so in the model.
    this.saved = Boolean(model.get("without_kernel"));
    this.build();
    this.listen();
  }

  build() {
    const t = this.texts;
    const id = `ul-tail-${Math.random().toString(36).slice(2)}`;
    this.pauseButton = element("button", { type: "button", class: "ul-tail-button", onclick: () => this.togglePause() });
    this.filterBox = element("input", {
      type: "search", id, placeholder: t.filterHint, autocomplete: "off", spellcheck: "false",
      oninput: () => this.filterSoon(),
    });
    this.filterBox.value = this.model.get("filter_text");
    this.controls = [this.pauseButton, element("label", { for: id }, t.filter), this.filterBox];
    this.choice = element("div", { class: "ul-tail-choice" });
    this.status = element("span", { class: "ul-tail-status" });
    this.announcer = element("span", { class: "ul-tail-hidden", role: "status", "aria-live": "polite" });
    this.curves = element("div", { class: "ul-tail-curves" });
    this.head = element("thead");
    this.body = element("tbody");
    this.error = element("p", { class: "ul-tail-error", role: "status", "aria-live": "polite", hidden: "" });
    const topic = this.model.get("topic");
    const label = `${t.tail} ${topic}`;
    this.root = element(
      "section", { class: "ul-tail", "aria-label": label, lang: this.language },
      element("div", { class: "ul-tail-bar" },
        element("strong", {}, topic), this.status, ...this.controls,
        element("details", {}, element("summary", {}, t.fields), this.choice)),
      this.curves,
      element("div", { class: "ul-tail-rows", tabindex: "0", role: "region", "aria-label": `${topic}: ${t.rows}` },
        element("table", {}, this.head, this.body)),
      this.error, this.announcer);
    this.el.append(this.root);
    this.showState();
  }

  listen() {
    this.onMessage = (content) => this.receive(content);
    this.onState = () => this.showState();
    this.model.on("msg:custom", this.onMessage);
    this.model.on("change:paused", this.onState);
    if (!this.saved) this.timer = setInterval(() => this.tell("alive"), ALIVE_MS);
    viewCounts.set(this.model, (viewCounts.get(this.model) ?? 0) + 1);
    const snapshot = this.model.get("snapshot");
    if (snapshot?.rows) this.receive({ ...snapshot, kind: "reset" });
    this.tell("hello");
  }

  close() {
    clearInterval(this.timer);
    clearTimeout(this.filterTimer);
    cancelAnimationFrame(this.frame);
    this.model.off("msg:custom", this.onMessage);
    this.model.off("change:paused", this.onState);
    const left = (viewCounts.get(this.model) ?? 1) - 1;
    viewCounts.set(this.model, left);
    if (left === 0) this.tell("goodbye");
  }

  tell(kind) {
    if (this.saved) return;
    try {
      this.model.send({ kind });
    } catch {
      // A page that was saved without its kernel has nobody to tell.
      clearInterval(this.timer);
      this.saved = true;
      this.showState();
    }
  }

  receive(content) {
    this.counts = { received: content.received, skipped: content.skipped };
    this.showError(content.error);
    if (content.kind === "status") return this.showState();
    if (content.kind === "reset") {
      this.rows = [];
      this.pending = [];
      this.columns = [];
    }
    this.pending.push(...content.rows);
    this.pending.splice(0, this.pending.length - this.model.get("keep"));
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const fresh = this.pending;
    this.pending = [];
    this.rows.push(...fresh);
    this.rows.splice(0, this.rows.length - this.model.get("keep"));
    if (this.findColumns(fresh) || this.columns.length === 0) this.drawAll();
    else this.drawFresh(fresh);
    this.drawCurves();
    this.showState();
    this.announce();
    this.tell("drawn");
  }

  findColumns(rows) {
    const known = new Set(this.columns);
    const found = new Set(rows.flatMap((row) => Object.keys(row.value)).filter((name) => !known.has(name)));
    const added = [...found].slice(0, MAX_COLUMNS - this.columns.length);
    this.columns.push(...added);
    return added.length > 0;
  }

  shown() {
    return this.columns.filter((name) => !this.hidden.has(name));
  }

  drawAll() {
    const headings = [this.texts.time, this.texts.key, ...this.shown()];
    this.head.replaceChildren(element("tr", {}, ...headings.map((text) => element("th", { scope: "col" }, text))));
    this.body.replaceChildren(...this.rows.map((row) => this.makeRow(row)).reverse());
    this.choice.replaceChildren(...this.columns.map((name) => this.makeChoice(name)));
  }

  drawFresh(fresh) {
    this.body.prepend(...fresh.map((row) => this.makeRow(row)).reverse());
    while (this.body.rows.length > this.rows.length) this.body.lastElementChild.remove();
  }

  makeRow(row) {
    const cells = [this.times.format(row.time), row.key];
    const tr = element("tr", {}, ...cells.map((text) => element("td", {}, text)));
    if (row.error) {
      const text = `${this.texts.noJson}: ${row.raw || row.error}`;
      tr.append(element("td", { class: "ul-tail-bad", colspan: Math.max(1, this.shown().length), title: row.error }, text));
      return tr;
    }
    for (const name of this.shown()) {
      const value = row.value[name];
      tr.append(element("td", { class: typeof value === "number" ? "ul-tail-number" : undefined }, this.format(value)));
    }
    return tr;
  }

  makeChoice(name) {
    const box = element("input", {
      type: "checkbox",
      onchange: () => {
        if (box.checked) this.hidden.delete(name);
        else this.hidden.add(name);
        this.drawAll();
        this.drawCurves();
      },
    });
    box.checked = !this.hidden.has(name);
    const label = element("label", {}, box, ` ${name}`);
    return label;
  }

  format(value) {
    if (value === null || value === undefined) return "";
    return typeof value === "number" ? this.numbers.format(value) : String(value);
  }

  drawCurves() {
    const names = this.shown().filter((name) => this.rows.some((row) => typeof row.value[name] === "number"));
    this.curves.replaceChildren(...names.map((name) => this.makeCurve(name)));
  }

  makeCurve(name) {
    const points = this.rows.filter((row) => typeof row.value[name] === "number");
    const values = points.map((row) => row.value[name]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const [from, to] = [Math.min(...points.map((row) => row.time)), Math.max(...points.map((row) => row.time))];
    const place = (row) => {
      const x = to > from ? ((row.time - from) / (to - from)) * 100 : 50;
      const y = high > low ? 22 - ((row.value[name] - low) / (high - low)) * 20 : 12;
      return `${x.toFixed(1)},${y.toFixed(1)}`;
    };
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 100 24");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    const latest = this.format(values.at(-1));
    const t = this.texts;
    const range = `${t.from} ${this.format(low)} ${t.to} ${this.format(high)}`;
    svg.setAttribute("aria-label", `${t.curve} ${name}: ${range}, ${t.latest} ${latest}`);
    const keys = [...new Set(points.map((row) => row.key))].slice(-MAX_LINES);
    keys.forEach((key, index) => {
      const line = document.createElementNS(SVG, "polyline");
      line.setAttribute("points", points.filter((row) => row.key === key).map(place).join(" "));
      line.setAttribute("class", `ul-tail-line${index}`);
      svg.append(line);
    });
    return element("figure", {}, element("figcaption", {}, `${name} `, element("b", {}, latest), ` ${range}`), svg);
  }

  // Nothing moves and nothing can be asked for: a table, and the time of its youngest row.
  showSaved() {
    const latest = Math.max(...this.rows.map((row) => row.time));
    const time = this.rows.length ? `${this.texts.asOf} ${this.instants.format(latest)}` : this.texts.nothing;
    this.status.textContent = time;
    for (const control of this.controls) control.remove();
  }

  showState() {
    if (this.saved) return this.showSaved();
    const t = this.texts;
    const paused = this.model.get("paused");
    const state = paused ? t.paused : this.counts.received ? t.live : t.waiting;
    const skipped = this.counts.skipped ? `, ${this.numbers.format(this.counts.skipped)} ${t.skipped}` : "";
    this.status.textContent = `${state} · ${this.numbers.format(this.counts.received)} ${t.messages}${skipped}`;
    this.pauseButton.textContent = paused ? t.resume : t.pause;
    this.pauseButton.setAttribute("aria-pressed", String(paused));
  }

  showError(text) {
    this.error.textContent = text ?? "";
    this.error.hidden = !text;
  }

  announce() {
    if (this.saved || Date.now() - this.announcedAt < ANNOUNCE_MS) return;
    this.announcedAt = Date.now();
    this.announcer.textContent = this.status.textContent;
  }

  togglePause() {
    this.model.set("paused", !this.model.get("paused"));
    this.model.save_changes();
  }

  filterSoon() {
    clearTimeout(this.filterTimer);
    this.filterTimer = setTimeout(() => {
      this.model.set("filter_text", this.filterBox.value);
      this.model.save_changes();
    }, FILTER_DELAY_MS);
  }
}

export default {
  render({ model, el }) {
    const view = new TailView(model, el);
    return () => view.close();
  },
};
