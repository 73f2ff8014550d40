/** What pages are made of. Data becomes text, never markup. */

/** Control characters, and marks that turn the writing direction of what stands beside them. */
const UNSEEN = /[\0-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const SVG = "http://www.w3.org/2000/svg";
const SIGNS = { accept: "✓", review: "?", reject: "✕" };

/** An element such as `p.dim` of texts, elements and objects of attributes; the rest is nothing. */
export function el(kind, ...parts) {
  const [tag, classes] = kind.split(".");
  return filled(document.createElement(tag), classes, parts);
}

/** An element of a drawing. */
export function svg(kind, ...parts) {
  const [tag, classes] = kind.split(".");
  return filled(document.createElementNS(SVG, tag), classes, parts);
}

/** Somebody else's text: it keeps to itself, whatever its direction; a dash where there is none. */
export function data(value) {
  return known(value) && value !== "" ? el("bdi", plain(value)) : "-";
}

/** The text of a value with a mark for each character that would not be seen. */
export function plain(value) {
  return String(value).replace(UNSEEN, "\ufffd");
}

/** Whether there is a value. */
export function known(value) {
  return value !== null && value !== undefined;
}

/** Several texts, one after the other. */
export function listed(values) {
  return values.length ? el("span", values.flatMap((one) => [", ", data(one)]).slice(1)) : "-";
}

/** Such a text on one line, where it is known to be short. */
export function brief(value) {
  return el("span.whole", data(value));
}

/** A moment, in UTC. */
export function moment(at) {
  return at ? el("time.whole", { datetime: at }, at.slice(0, 19).replace("T", " ")) : "-";
}

/** A number with four digits that count. */
export function number(value) {
  return known(value) ? String(Number(value.toPrecision(4))) : "-";
}

/** A count, with commas between thousands. */
export function counted(count) {
  return known(count) ? count.toLocaleString("en") : "-";
}

/** A share as per cent. */
export function percent(share) {
  return `${Number((100 * share).toPrecision(3))}\u00a0%`;
}

/** A time in seconds, as people read it. */
export function duration(seconds) {
  if (!known(seconds)) return "-";
  const short = `${Number((1000 * seconds).toPrecision(3))} ms`;
  return el("span.whole", seconds < 1 ? short : `${seconds.toFixed(2)} s`);
}

/** A question in words. */
export function question(operation) {
  return operation === "compare_live" ? "compare and liveness" : plain(operation);
}

/** A mark with a sign and words, so that its colour is not all there is. */
export function badge(kind, words, sign) {
  const shown = sign && el("span", { "aria-hidden": "true" }, `${sign}\u00a0`);
  return el(`span.badge ${kind}`, shown, plain(words));
}

/** A decision, or the error that stands in its place. */
export function verdict(decision, error) {
  return decision ? badge(decision, decision, SIGNS[decision]) : badge("failed", error ?? "-", "!");
}

/** A button; the key that does the same is shown on it. */
export function button(words, click, { key, kind = "" } = {}) {
  return el("button", { type: "button", class: kind, click }, words, key && [" ", el("kbd", key)]);
}

/** A field for a text. */
export function input(name, attributes) {
  return el("input", { name, autocomplete: "off" }, attributes);
}

/** A choice of values, each with its words. */
export function select(name, entries, chosen = "") {
  const option = ([value, words = value]) => {
    return el("option", { value, selected: value === chosen }, words);
  };
  return el("select", { name }, entries.map(option));
}

/** A control with its label above it, and a hint below. */
export function field(label, control, hint) {
  const id = `${control.name}-hint`;
  if (hint) control.setAttribute("aria-describedby", id);
  return el("div", el("label", label, control), hint && el("small", { id }, hint));
}

/** A table whose rows are lists on a telephone; the first cell of a row names it. */
export function table(caption, head, rows) {
  const top = head.map((name) => el("th", { scope: "col" }, plain(name)));
  const body = rows.map((cells) => row(head, cells));
  const whole = el("table", el("caption.unseen", caption), el("thead", el("tr", top)));
  whole.append(el("tbody", body));
  return el("div.scroll", { tabindex: "0" }, whole);
}

/** A row of a table with this head. */
export function row(head, [name, ...cells]) {
  const others = cells.map((cell, place) => el("td", { "data-of": plain(head[place + 1]) }, cell));
  return el("tr", el("th", { scope: "row" }, name), others);
}

/** Names and values, side by side. */
export function facts(entries) {
  return el(
    "dl",
    entries.map(([name, value]) => el("div", el("dt", name), el("dd", value))),
  );
}

/** A part of a page under its heading. */
export function section(heading, ...parts) {
  return el("section", el("h2", heading), parts);
}

/** Words where nothing is, and what to do about it. */
export function empty(...words) {
  return el("p.empty", words);
}

/** A failure in words. */
export function notice(words) {
  return el("p.notice", { role: "alert" }, plain(words));
}

function filled(element, classes, parts) {
  if (classes) element.setAttribute("class", classes);
  for (const part of parts.flat(Infinity)) {
    if (typeof part === "string" || part instanceof Node) element.append(part);
    else if (part) Object.entries(part).forEach(([name, value]) => set(element, name, value));
  }
  return element;
}

function set(element, name, value) {
  if (typeof value === "function") element.addEventListener(name, value);
  else if (known(value) && value !== false) element.setAttribute(name, value === true ? "" : value);
}
