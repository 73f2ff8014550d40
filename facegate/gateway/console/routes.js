/** Routes, drawn: whom each leads to, and who would be asked now. */

import { ask } from "./api.js";
import { live } from "./live.js";
import {
  badge,
  data,
  el,
  empty,
  facts,
  known,
  listed,
  percent,
  question,
  section,
} from "./parts.js";

export const routes = { name: "routes", title: "Routes", scope: "decisions:read", show };

const EVERY_S = 10;
const KINDS = { failover: " first that is in service", split: " one of them, by weight" };

function show({ place, signal, say }) {
  const listing = el("div");
  let before = "";

  async function look() {
    const found = (await ask("GET", "v1/routes", { signal })).routes;
    const now = JSON.stringify(found);
    if (now === before) return; // somebody may be reading it
    before = now;
    listing.replaceChildren(...found.map(route));
    if (!found.length) listing.append(empty("No route is configured. Name one in [routes.NAME]."));
  }

  place.append(live(look, EVERY_S, { signal, say }), listing);
}

function route(each) {
  const copied = each.shadow && [
    el("p.dim", `${percent(each.sample)} of the requests are copied to who decides nothing:`),
    el("ul.tree", node(each.shadow)),
  ];
  const about = [
    ["Answers", listed(each.operations.map(question))],
    ["Deadline", `${each.deadline_s} s`],
    ["Attempts", `${each.max_attempts} at most`],
    ["Consent", each.require_consent ? "needed" : "not needed"],
  ];
  for (const [operation, policy] of Object.entries(each.policy)) {
    const words = Object.entries(policy).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    about.push([`Policy, ${question(operation)}`, listed(words)]);
  }
  const heading = [data(each.name), each.default && [" ", badge("note", "default")]];
  return section(heading, el("ul.tree", node(each.tree)), copied, facts(about));
}

function node(each) {
  const own = el(
    each.asked_now ? "span.node asked" : "span.node",
    data(each.name),
    el("span.dim", KINDS[each.kind] ?? ""),
    known(each.weight) && ` ${percent(each.weight)}`,
    each.attempts > 1 && ` ${each.attempts} tries`,
    each.asked_now && [" ", badge("accept", "asked now", "●")],
  );
  return el("li", own, each.children.length > 0 && el("ul", each.children.map(node)));
}
