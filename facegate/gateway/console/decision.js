/** One decision, with all that is known of it. */

import { about, ask } from "./api.js";
import * as parts from "./parts.js";
import { scores } from "./scores.js";

const { badge, data, el, empty, facts, known, moment, section, table, verdict } = parts;

/** Show a decision. */
export async function decision({ place, id, signal }) {
  const found = await ask("GET", about("decisions", id), { signal });
  place.firstChild.replaceChildren("Decision ", data(found.decision.request_id));
  const others = found.repeats.map((each) => el("li", link(each)));
  const all = el(
    "div",
    [whole(found.decision), caseLink(found.case_url)],
    section("Attempts", attempts(found.attempts)),
    section("Reviews", reviews(found.reviews)),
    section("Labels", labels(found.labels)),
    found.shadows.length > 0 && section("In the shadow", found.shadows.map(whole)),
    others.length > 0 && section("Requests that were given the same id", el("ul", others)),
  );
  place.append(all);
}

/** A link to a decision. */
export function link(id) {
  return el("a", { href: `#/decisions/${encodeURIComponent(id)}` }, data(id));
}

/** What a request came to, and what became of that. */
export function outcome(found) {
  const final = found.final && found.final !== found.decision;
  return el(
    "span",
    verdict(found.decision, found.error_code),
    final && [" then ", verdict(found.final)],
    found.review && found.review !== "done" && [" ", badge("note", found.review)],
    found.shadow && [" ", badge("note", "shadow")],
  );
}

/** The route, and the arm where there are some. */
export function routed(found) {
  return el("span", data(found.route), found.arm && [" / ", data(found.arm)]);
}

/** The way to the case in the integrator's own system, where there is one. */
export function caseLink(url) {
  const there = { href: url, target: "_blank", rel: "noopener noreferrer" };
  return /^https?:/.test(url ?? "") && el("p", el("a", there, "Open the case (new tab)"));
}

function whole(found) {
  const version = found.plugin_version && [" ", data(found.plugin_version)];
  const told = [
    ["When, UTC", moment(found.at)],
    ["Question", parts.question(found.operation)],
    ["Route", routed(found)],
    ["Provider", data(found.provider)],
    ["Plugin", el("span", data(found.plugin), version)],
    ["Engine", el("span", data(found.lineage), found.engine && [", ", data(found.engine)])],
    ["Took", parts.duration(found.seconds)],
    ["Billed", data(found.billed)],
    ["Cost", parts.number(found.cost)],
    ["Caller", data(found.caller)],
    ["Calibration", data(found.calibration)],
    ["Configuration", data(found.configuration?.slice(0, 12))],
    ["Consent", data(found.consent_reference)],
    ["Purpose", data(found.consent_purpose)],
    ["Decided by", found.judged_by_caller ? "the caller, who wanted the score" : "facegate"],
  ];
  return [el("p.headline", outcome(found)), scores(found), facts(told)];
}

function attempts(found) {
  if (!found.length) return empty("No provider was asked.");
  const head = ["No.", "Provider", "Outcome", "Picture or step", "Took", "Billed", "Cost"];
  const rows = found.map((each) => [
    String(each.number),
    data(each.provider),
    each.error_code ? badge("failed", each.error_code, "!") : "answered",
    parts.listed([each.image, each.step].filter(known)),
    parts.duration(each.seconds),
    data(each.billed),
    parts.number(each.cost),
  ]);
  return table("Attempts, the oldest first", head, rows);
}

function reviews(found) {
  if (!found.length) return empty("Nobody has looked at it.");
  const rows = found.map((each) => [
    moment(each.at),
    data(each.caller),
    each.verdict ? verdict(each.verdict) : data(each.act),
    data(each.found),
    data(each.reason),
  ]);
  return table("Reviews, the oldest first", ["When, UTC", "Who", "What", "Found", "Reason"], rows);
}

function labels(found) {
  if (!found.length) {
    return empty(
      "The truth is not known. Tell it in a review, or with ",
      el("code", "facegate journal label"),
      ".",
    );
  }
  const truth = (each, value, yes, no) => {
    if (each.withdraws) return "taken back";
    return known(value) ? (value ? yes : no) : "not known";
  };
  const rows = found.map((each) => [
    moment(each.at),
    data(each.caller),
    truth(each, each.genuine, "the claimed person", "an impostor"),
    truth(each, each.spoof, "an attack", "none"),
  ]);
  return table("Labels, the oldest first", ["When, UTC", "Who", "Person", "Attack"], rows);
}
