/** Rounds of canaries in time, drawn. */

import { counted, el, svg } from "./parts.js";

const [WIDTH, HEIGHT, LEFT, RIGHT, LINE] = [420, 52, 10, 410, 20];

/** Rounds that are drawn, the newest. */
const SHOWN = 100;

/** Sorts of rounds, in the order in which they are drawn: what matters is seen over the rest. */
const SORTS = [
  { kind: "same", words: "as usual", sign: "●", d: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0" },
  { kind: "silent", words: "not whole", sign: "■", d: "M-4-4H4V4H-4Z" },
  { kind: "odd", words: "different", sign: "▲", d: "M0-9L7 5H-7Z" },
];

/** The newest rounds on one line, with a mark where a period begins. */
export function timeline(periods) {
  const rounds = periods.flatMap((each) => each.rounds).slice(-SHOWN);
  if (!rounds.length) return "";
  const known = periods.reduce((sum, each) => sum + each.watched, 0);
  const since = known > rounds.length ? Date.parse(rounds[0].at) : 0;
  const begun = periods.map((each) => Date.parse(each.began)).filter((time) => time >= since);
  const times = [...begun, ...rounds.map((each) => Date.parse(each.at))];
  const [first, last] = [Math.min(...times), Math.max(...times)];
  const x = (time) => LEFT + ((time - first) / (last - first || 1)) * (RIGHT - LEFT);
  const sorts = SORTS.map((sort) => ({ ...sort, all: rounds.filter((each) => of(each, sort)) }));
  const counts = sorts.map(({ all, words }) => `${counted(all.length)} ${words}`).join(", ");
  return el(
    "div",
    svg(
      "svg.chart",
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" },
      svg("title", `Rounds from ${day(first)} to ${day(last)}: ${counts}`),
      svg("line.track", { x1: LEFT, x2: RIGHT, y1: LINE, y2: LINE }),
      begun.map((time) => mark("limit", x(time), "M0-12V12")),
      sorts.map(({ kind, d, all }) => {
        return all.map((each) => mark(`round ${kind}`, x(Date.parse(each.at)), d));
      }),
      label(LEFT, day(first), "start"),
      label(RIGHT, day(last), "end"),
    ),
    el("p.legend", { "aria-hidden": "true" }, SORTS.map(key), el("span", "┊ new baseline")),
  );
}

function of(round, { kind }) {
  if (round.changes.length || round.doubts.length) return kind === "odd";
  return kind === (Object.keys(round.failed).length ? "silent" : "same");
}

function mark(kind, x, d) {
  return svg(`path.${kind}`, { d, transform: `translate(${x} ${LINE})` });
}

function label(x, words, anchor) {
  return svg("text", { x, y: LINE + 28, "text-anchor": anchor }, words);
}

function key({ kind, words, sign }) {
  return el("span", el(`span.${kind}`, sign), ` ${words}`);
}

function day(time) {
  return new Date(time).toISOString().slice(0, 10);
}
