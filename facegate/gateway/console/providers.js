/** Providers: whether they are asked, how they do, what they cost, whether their models changed. */

import { ask } from "./api.js";
import { live } from "./live.js";
import { model } from "./models.js";
import {
  badge,
  brief,
  counted,
  data,
  duration,
  el,
  empty,
  moment,
  number,
  question,
  table,
} from "./parts.js";

export const providers = { name: "providers", title: "Providers", scope: "decisions:read", show };

const EVERY_S = 10;
const HEAD = [
  "Provider",
  "Plugin",
  "Answers",
  "Requests, last hour",
  "Errors",
  "Median",
  "95th percentile",
  "Cost today",
  "Limits",
  "Calibration",
  "To know",
];

function show({ place, signal, say }) {
  const [listing, models] = [el("div"), el("div")];
  let before = "";

  async function look() {
    const [{ providers: found }, { providers: watched }] = await Promise.all(
      ["v1/providers", "v1/sentinel"].map((path) => ask("GET", path, { signal })),
    );
    const none = empty("No provider is configured. Name one in [providers.NAME].");
    listing.replaceChildren(found.length ? table("Providers", HEAD, found.map(cells)) : none);
    const now = JSON.stringify(watched);
    if (now === before) return; // somebody may be reading it
    before = now;
    models.replaceChildren(...watched.map(model));
  }

  place.append(live(look, EVERY_S, { signal, say }), listing, models);
}

function cells(each) {
  const hour = each.hour ?? {}; // there are no figures without a journal
  const other = badge("failed", "model changed", "!");
  const changed = each.changed && [other, " by ", moment(each.changed)];
  const notes = [changed, ...each.findings.map(data)].filter(Boolean);
  return [
    data(each.name),
    el("div", data(each.plugin), el("small", data(each.lineage))),
    list(each.operations.map((operation) => answer(each, operation))),
    counted(hour.requests),
    counted(hour.errors),
    duration(hour.p50),
    duration(hour.p95),
    number(each.today?.cost),
    limits(each.limits ?? {}),
    calibration(each.calibration),
    notes.length ? list(notes) : "-",
  ];
}

function list(entries) {
  return el(
    "ul.bare",
    entries.map((entry) => el("li", entry)),
  );
}

/** A question, with what keeps the provider from it. */
function answer(each, operation) {
  const reason = each.unable[operation];
  if (reason) return [question(operation), ": ", badge("failed", "cannot", "!"), " ", data(reason)];
  const rests = each.resting.includes(operation);
  const state = rests ? badge("review", "left alone", "?") : badge("accept", "in service", "✓");
  return [question(operation), ": ", state, rests && !each.changed && " it failed too often"];
}

function limits({ concurrency, rate }) {
  return [concurrency && `${concurrency} at once`, rate].filter(Boolean).join(", ") || "none";
}

function calibration(found) {
  if (!found) return "none";
  const end = found.until && [", until ", data(found.until.slice(0, 10))];
  return el("span", brief(found.digest), end, found.out && [" ", badge("review", "ran out", "?")]);
}
