/** Decisions as they come, and those that somebody looks for. */

import { ask, query } from "./api.js";
import { decision, link, outcome, routed } from "./decision.js";
import { live } from "./live.js";
import * as parts from "./parts.js";
import { score } from "./scores.js";

const { button, data, el, field, input, select } = parts;

export const decisions = {
  name: "decisions",
  title: "Decisions",
  scope: "decisions:read",
  show: (page) => (page.id ? decision(page) : show(page)),
};

/** Rows of one answer, and most rows that a page keeps. */
const [PART, MOST] = [50, 500];
const EVERY_S = 2;
const HEAD = [
  "When, UTC",
  "Decision",
  "Question",
  "Route",
  "Provider",
  "Match (threshold)",
  "Liveness (threshold)",
  "Took",
  "Caller",
  "Request",
];
const choices = (name, values) => select(name, [["", "any"], ...values.map((value) => [value])]);
const FIELDS = {
  decision: ["Decision", (name) => choices(name, ["accept", "review", "reject"])],
  operation: ["Question", (name) => choices(name, ["compare", "compare_live", "liveness"])],
  route: ["Route", input],
  provider: ["Provider", input],
  caller: ["Caller", input, "a key's id"],
  error: ["Error", input, "such as ProviderTimeout"],
  since: ["Since, UTC", (name) => input(name, { type: "datetime-local" })],
  until: ["Until, UTC", (name) => input(name, { type: "datetime-local" })],
  reference: ["Consent", input, "its reference"],
  subject: ["Person", input, "your id of them; stays out of the address"],
};

/** Whom somebody looked for last. It is personal, so it is in no address and no history. */
let subject = "";

function show({ place, query: asked, signal, say }) {
  const filters = { ...asked, subject };
  const filtered = Object.values(filters).some(Boolean);
  const listing = parts.table("Decisions, the newest first", HEAD, []);
  const body = listing.querySelector("tbody");
  const none = el("div");
  const more = button("Show older ones", async () => {
    append(await fetched({ before: body.lastChild.dataset.seq }));
  });
  let head = null;

  function fetched(where) {
    const values = { ...asked, limit: PART, ...where };
    for (const end of ["since", "until"]) if (values[end]) values[end] += "Z";
    const headers = subject ? { "x-facegate-subject": bytes(subject) } : {};
    return ask("GET", query("v1/decisions", values), { headers, signal });
  }

  function append(found) {
    body.append(...found.decisions.map(line));
    more.hidden = found.next === null;
  }

  async function look() {
    const found = head === null ? null : await fetched({ after: head });
    if (found === null || found.decisions.length === PART) {
      // First of all, and after a sleep: nobody reads up all that was missed.
      const newest = await fetched({});
      body.replaceChildren();
      append(newest);
      head = newest.head;
    } else {
      body.prepend(...found.decisions.map(line).reverse());
      if (found.decisions.length) say(`${found.decisions.length} new`);
      head = found.head;
    }
    while (body.rows.length > MOST) {
      body.lastChild.remove();
      more.hidden = false;
    }
    listing.hidden = body.rows.length === 0;
    none.replaceChildren(listing.hidden ? nothing(filtered) : "");
  }

  [listing.hidden, more.hidden] = [true, true];
  place.append(
    filter(filters, filtered),
    live(look, EVERY_S, { signal, say }),
    none,
    listing,
    more,
  );
}

/** A text as its bytes in UTF-8: a header knows no other letters. */
function bytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
}

function nothing(filtered) {
  if (filtered) return parts.empty("No decision fits. Ask for less in the filter.");
  return parts.empty(
    "No decision yet. The first one shows here as soon as somebody asks: ",
    el("code", "POST /v1/compare"),
    " with a key of scope verify.",
  );
}

function filter(filters, filtered) {
  const fields = Object.entries(FIELDS).map(([name, [label, control, hint]]) => {
    const made = control(name);
    made.value = filters[name] ?? "";
    return field(label, made, hint);
  });
  const go = (person, hash) => {
    subject = person;
    if (location.hash === hash) dispatchEvent(new Event("hashchange"));
    else location.hash = hash;
  };
  const submit = (event) => {
    event.preventDefault();
    const { subject: person, ...values } = Object.fromEntries(new FormData(event.target));
    go(person, `#${query("/decisions", values)}`);
  };
  const find = (event) => {
    event.preventDefault();
    location.hash = link(id.value.trim()).hash;
  };
  const all = button("Show all", () => go("", "#/decisions"));
  const id = input("id", { required: true });
  return el(
    "details",
    { open: filtered },
    el("summary", "Filter"),
    el("form.fields", { submit }, fields, el("button", "Show"), all),
    el("form.fields", { submit: find }, field("Request", id), el("button", "Open")),
  );
}

function line(found) {
  const cells = parts.row(HEAD, [
    parts.moment(found.at),
    outcome(found),
    el("span.whole", parts.question(found.operation)),
    routed(found),
    data(found.provider),
    score(found, "match"),
    score(found, "liveness"),
    parts.duration(found.seconds),
    parts.brief(found.caller),
    link(found.request_id),
  ]);
  cells.dataset.seq = found.seq;
  return cells;
}
