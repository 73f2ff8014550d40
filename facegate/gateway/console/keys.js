/** Keys: who may ask for what. A key's secret is shown once, when it is made. */

import { ask } from "./api.js";
import * as parts from "./parts.js";

const { button, data, el, field, input } = parts;

export const keys = { name: "keys", title: "Keys", scope: "admin", show };

const SCOPES = {
  verify: "ask the three questions",
  "decisions:read": "read decisions, providers, routes",
  label: "say what was true",
  review: "decide near misses",
  metrics: "read /metrics",
  admin: "make and revoke keys",
};
const HEAD = [
  "Name",
  "Id",
  "State",
  "Scopes",
  "Routes",
  "Limits",
  "Made, UTC",
  "Ends, UTC",
  "Actions",
];
const OVERLAPS = [
  ["86400", "for a day"],
  ["3600", "for an hour"],
  ["0", "no longer"],
];

async function show({ place, signal, say }) {
  const listing = el("div");
  place.append(listing, parts.section("Make a key", form()));
  await refresh();

  async function refresh() {
    const found = (await ask("GET", "v1/keys", { signal })).keys;
    const none = "There is no key: whoever reaches this machine may ask. Make the first one below.";
    const table = found.length ? parts.table("Keys", HEAD, found.map(cells)) : parts.empty(none);
    listing.replaceChildren(table);
  }

  function cells(each) {
    const words = standing(each);
    const good = words === "good";
    const acts = el(
      "span.acts",
      button("Rotate", () => rotate(each)),
      button("Revoke", () => revoke(each), { kind: "grave" }),
    );
    return [
      data(each.name),
      parts.brief(each.id),
      parts.badge(good ? "accept" : "reject", words, good ? "✓" : "✕"),
      parts.listed(each.scopes),
      each.routes ? parts.listed(each.routes) : "all",
      limits(each),
      parts.moment(each.made),
      parts.moment(each.expires),
      each.home === "file" ? "in the configuration" : good ? acts : "none",
    ];
  }

  function form() {
    const box = ([value, words]) => {
      const made = input("scopes", { type: "checkbox", value });
      return el("label.choice", made, ` ${value}`, el("small", words));
    };
    const submit = async (event) => {
      event.preventDefault();
      const made = await ask("POST", "v1/keys", { body: asked(new FormData(event.target)) });
      event.target.reset();
      await refresh();
      tell(made);
    };
    return el(
      "form.fields",
      { submit },
      field("Name", input("name", { required: true, maxlength: 64 }), "the team or the service"),
      el("fieldset.row", el("legend", "Scopes"), Object.entries(SCOPES).map(box)),
      field("Routes", input("routes"), "names with commas; all if empty"),
      field("Ends on", input("expires", { type: "date" }), "never if empty"),
      field("Rate", input("rate"), "such as 20/second"),
      field("At once", input("at_once", { type: "number", min: 1 })),
      field("Budget", input("budget"), "such as 200/day, in your currency"),
      el("button", "Make the key"),
    );
  }

  function rotate(each) {
    const overlap = parts.select("overlap", OVERLAPS, "86400");
    const words = el("p", "A new secret for ", data(each.name), ".");
    confirmed("Rotate", [words, field("The old one holds", overlap)], async () => {
      const body = { overlap_s: Number(overlap.value) };
      const made = await ask("POST", `${path(each)}/rotation`, { body });
      await refresh();
      tell(made);
    });
  }

  function revoke(each) {
    const words = ["Whoever asks with the key of ", data(each.name), " is refused from now on."];
    confirmed("Revoke", el("p", words, " This is for good."), async () => {
      await ask("DELETE", path(each));
      await refresh();
      say("revoked");
    });
  }
}

function path(each) {
  return `v1/keys/${encodeURIComponent(each.id)}`;
}

function standing(each) {
  if (each.revoked) return "revoked";
  return each.expires && new Date(each.expires) <= new Date() ? "ended" : "good";
}

function limits({ rate, at_once, budget }) {
  const words = [rate, at_once && `${at_once} at once`, budget && `budget ${budget}`];
  const lines = words.filter(Boolean).map((each) => el("div", parts.brief(each)));
  return lines.length ? el("div", lines) : "none";
}

/** The wishes of a form, without what was left empty. */
function asked(form) {
  const text = (name) => form.get(name).trim();
  const routes = text("routes").match(/[^\s,]+/g);
  return {
    name: text("name"),
    scopes: form.getAll("scopes"),
    ...(routes && { routes }),
    ...(text("expires") && { expires: text("expires") }),
    ...(text("rate") && { rate: text("rate") }),
    ...(text("at_once") && { at_once: Number(text("at_once")) }),
    ...(text("budget") && { budget: text("budget") }),
  };
}

/** Show the key itself, this once. */
function tell(made) {
  const copied = el("p", { role: "status" });
  const copy = button("Copy", () => {
    const done = (words) => () => copied.replaceChildren(words);
    const refused = done("Select it, and copy it by hand.");
    navigator.clipboard.writeText(made.key).then(done("Copied."), refused);
  });
  const safely = " in a safe way. Nobody can show it again.";
  const words = el("p", "Hand it to ", data(made.name), safely);
  const key = el("code.key", { tabindex: "0" }, data(made.key));
  dialog("The key, shown this once", [words, key, copied], [copy, button("I have it", closing)]);
}

/** Ask before it is done. */
function confirmed(act, words, work) {
  const failure = el("div");
  const sure = async (event) => {
    try {
      await work();
      closing(event);
    } catch (error) {
      failure.replaceChildren(parts.notice(error.message));
    }
  };
  const buttons = [button("Leave it", closing), button(act, sure, { kind: "grave" })];
  dialog(`${act} the key`, [words, failure], buttons);
}

function dialog(title, words, buttons) {
  const heading = el("h2", { id: "asked" }, title);
  const labelled = { "aria-labelledby": "asked", close: (event) => event.target.remove() };
  const shown = el("dialog", labelled, heading, words, el("p.acts", buttons));
  document.body.append(shown);
  shown.showModal();
}

function closing(event) {
  event.target.closest("dialog").close();
}
