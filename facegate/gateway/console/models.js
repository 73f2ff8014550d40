/** Models of the watched providers: whether they are what they were, and what shows it. */

import * as parts from "./parts.js";
import { timeline } from "./timeline.js";

const { badge, counted, data, el, empty, facts, known, moment, number, plain, section } = parts;

/** Changes that are written out; of the rest, only the number. */
const SHOWN = 5;

/** How the model of a watched provider stands. */
export function model(each) {
  const heading = ["Model of ", data(each.provider)];
  const period = each.periods.at(-1);
  const command = (words) => el("code", `facegate sentinel ${words}`);
  if (!period) {
    const way = command(`baseline ${plain(each.provider)}`);
    return section(heading, empty("A change would not be noticed without a baseline: ", way));
  }
  const doubts = period.rounds.at(-1)?.doubts ?? [];
  const accept = command(`accept ${plain(each.provider)} --reason ...`);
  return section(
    heading,
    el("p.headline", state(each, period, doubts)),
    sentences(period.alarm?.changes ?? doubts),
    period.alarm?.materiality && meaning(period.alarm.materiality),
    each.changed && el("p", "To go on with it as it is now: ", accept),
    timeline(each.periods),
    facts(figures(each, period)),
    each.periods.length > 1 && periods(each.periods),
  );
}

function state(each, period, doubts) {
  if (each.changed) return [badge("failed", "changed", "!"), " by ", moment(each.changed), " UTC"];
  const differs = doubts.length > 0 && [" ", badge("review", "not yet certain", "?")];
  return [badge("accept", "steady", "✓"), " since ", moment(period.began), " UTC", differs];
}

function sentences(words) {
  const more = words.length - SHOWN;
  if (!words.length) return "";
  const shown = words.slice(0, SHOWN).map((each) => el("li", data(each)));
  return el("ul", shown, more > 0 && el("li", `and ${counted(more)} more`));
}

/** How much a change matters to those who rely on the provider. */
function meaning(found) {
  const names = found.otherwise.slice(0, SHOWN);
  const verdict = found.verdict === "no decision changes" ? "note" : "failed";
  return el(
    "p",
    badge(verdict, found.verdict),
    `: ${counted(found.moved)} of ${counted(found.compared)} scores moved`,
    known(found.largest) && found.moved > 0 && `, by at most ${number(found.largest)}`,
    `; ${counted(found.otherwise.length)} of the canaries decided otherwise`,
    names.length > 0 && [": ", parts.listed(names), found.otherwise.length > SHOWN && " ..."],
    known(found.fmr_before) && known(found.fmr_after) && rates(found),
  );
}

function rates({ fmr_before, fmr_after }) {
  return `; false match rate ${number(fmr_before)} before, now about ${number(fmr_after)}`;
}

function figures(each, period) {
  const last = period.rounds.at(-1);
  const silent = last ? Object.keys(last.failed).length : 0;
  const whole = silent > 0 && [", ", badge("review", `no answer to ${counted(silent)}`, "?")];
  const ranked = `${number(period.evidence ?? 0)} of ${counted(Math.round(each.enough))}`;
  const rounds = `, ${counted(period.baseline_rounds)} rounds`;
  return [
    ["Baseline, UTC", el("span", moment(period.began), rounds)],
    ["Answers", period.exact ? "the same each time" : "noisy"],
    ["Evidence of a change", period.exact ? "any other answer" : `${ranked} that are an alarm`],
    ["Rounds since", counted(period.watched)],
    ["Last round, UTC", el("span", moment(last?.at), whole)],
    ["Next round, UTC", moment(each.due)],
    ["Cost so far", number(each.cost)],
  ];
}

function periods(all) {
  const head = ["Begun, UTC", "Why", "Rounds", "Ended by a change, UTC"];
  const rows = all
    .map((each) => [
      moment(each.began),
      data(each.reason),
      counted(each.watched),
      moment(each.changed),
    ])
    .reverse();
  return parts.table("Periods, the newest first", head, rows);
}
