/** Scores against their thresholds, drawn. */

import { el, known, number, svg } from "./parts.js";

const [WIDTH, LEFT, RIGHT, LINE] = [420, 8, 412, 40];

/** The scores of a decision, each on the scale of who gave it. */
export function scores(row) {
  const given = ["match", "liveness"].filter((kind) => known(row[`${kind}_score`]));
  return el(
    "div.scores",
    given.map((kind) => drawing(kind, ...pair(row, kind))),
  );
}

/** A score in words, with its threshold in brackets. */
export function score(row, kind) {
  const [value, threshold] = pair(row, kind);
  return known(value) ? el("span.whole", `${number(value)} (${number(threshold)})`) : "-";
}

function pair(row, kind) {
  return [row[`${kind}_score`], row[`${kind}_threshold`]];
}

function drawing(kind, value, threshold) {
  const [low, high] = ends([value, threshold].filter(known));
  const x = (at) => LEFT + ((at - low) / (high - low)) * (RIGHT - LEFT);
  const words = `${kind} score ${number(value)}`;
  const limit = known(threshold) ? `threshold ${number(threshold)}` : "no threshold";
  const at = x(threshold ?? low);
  const mark = [
    svg("line.limit", { x1: at, x2: at, y1: LINE - 9, y2: LINE + 9 }),
    label(kept(at), LINE + 18, limit, "middle"),
  ];
  return svg(
    "svg.chart",
    { viewBox: `0 0 ${WIDTH} 64`, role: "img" },
    svg("title", `${words}, ${limit}`),
    svg("line.track", { x1: LEFT, x2: RIGHT, y1: LINE, y2: LINE }),
    label(LEFT, LINE + 18, number(low), "start"),
    label(RIGHT, LINE + 18, number(high), "end"),
    known(threshold) && mark,
    svg("circle.score", { cx: x(value), cy: LINE, r: 6 }),
    label(kept(x(value)), LINE - 16, words, "middle"),
  );
}

/** The ends of a scale on which the values are: the usual ones, or some room beside them. */
function ends(values) {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const usual = [1, 100].find((high) => least >= 0 && most <= high);
  const room = (most - least || Math.abs(most)) / 2;
  return usual ? [0, usual] : [least - room, most + room];
}

/** A place for words that are centred there, and must not leave the drawing. */
function kept(x) {
  return Math.min(Math.max(x, LEFT + 70), RIGHT - 70);
}

function label(x, y, words, anchor) {
  return svg("text", { x, y, "text-anchor": anchor }, words);
}
