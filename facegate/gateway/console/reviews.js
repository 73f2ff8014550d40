/** The queue of near misses: claim one, look at it, decide with a reason; all of it by keys too. */

import { about, ask } from "./api.js";
import { caseLink } from "./decision.js";
import { live } from "./live.js";
import { button, data, el, empty, facts, field, input, moment } from "./parts.js";
import { notice, question, select } from "./parts.js";
import { scores } from "./scores.js";

export const reviews = { name: "reviews", title: "Reviews", scope: "review", show };

const EVERY_S = 5;
const FOUND = [
  ["", "not known"],
  ["genuine", "the claimed person"],
  ["impostor", "an impostor"],
  ["attack", "an attack"],
];

function show({ place, session, signal, say }) {
  const known = new Map(); // by request: the case, and its element
  const busy = new Set();
  const list = el("ul.cases", { keydown: pressed });
  const none = el("div");
  const rule = el("p.dim");

  const mine = (each) => ahead(each.claimed_until) && each.claimed_by === session.caller;
  const given = (each) => each.verdict && each.verdict_by === session.caller;
  const undoable = (each) => given(each) && ahead(each.verdict_until);
  const free = (each) => !given(each) && !ahead(each.claimed_until);

  async function look() {
    const found = await ask("GET", "v1/reviews", { signal });
    rule.textContent = found.four_eyes
      ? "A verdict counts once a second person gives the same."
      : "A verdict counts at once. It can be undone while your claim lasts.";
    const open = new Set(found.reviews.map((each) => each.request_id));
    for (const [id, { each, item }] of known) {
      if (open.has(id) || undoable(each)) continue;
      known.delete(id);
      item.remove();
    }
    const before = known.size;
    for (const each of found.reviews) put(each);
    if (before && known.size > before) say(`${known.size - before} more to review`);
    const nothing = "Nothing to review. Near misses come here where a policy has review_from.";
    none.replaceChildren(known.size ? "" : empty(nothing));
    if (!list.querySelector("[tabindex='0']")) list.firstChild?.setAttribute("tabindex", "0");
  }

  /** Show a case as it is now, unless that is what shows: somebody may be writing in it. */
  function put(each) {
    const shown = known.get(each.request_id);
    if (shown && JSON.stringify(shown.each) === JSON.stringify(each)) return;
    const item = drawn(each);
    const focused = shown?.item.contains(document.activeElement);
    if (shown) shown.item.replaceWith(item);
    else list.append(item);
    if (focused) focus(item);
    known.set(each.request_id, { each, item });
  }

  function focus(item) {
    for (const other of list.children) other.setAttribute("tabindex", "-1");
    item.setAttribute("tabindex", "0");
    item.focus();
  }

  /** Do something to a case, once, and show what became of it; what was written stays. */
  async function act(each, method, part, words, body) {
    const id = each.request_id;
    if (busy.has(id)) return;
    busy.add(id);
    const { item } = known.get(id);
    item.querySelector(".notice")?.remove();
    try {
      put(await ask(method, about("reviews", id, part), { body }));
      say(words);
    } catch (error) {
      item.append(notice(error.message));
    } finally {
      busy.delete(id);
    }
  }

  const claim = (each) => act(each, "POST", "/claim", "claimed");
  const release = (each) => act(each, "DELETE", "/claim", "given back");
  const undo = (each) => act(each, "DELETE", "", "undone");

  function drawn(each) {
    const row = each.decision;
    const told = facts([
      ["When, UTC", moment(each.at)],
      ["Route", data(each.route)],
      ["Question", question(row.operation)],
      ["Provider", data(row.provider)],
    ]);
    return el(
      "li",
      { tabindex: "-1", "data-id": each.request_id },
      el("h2", data(each.request_id)),
      [told, scores(row), caseLink(each.case_url), el("p", state(each))],
      undoable(each) && button("Undo", () => undo(each), { key: "u" }),
      mine(each) && [form(each), button("Give back", () => release(each), { key: "x" })],
      free(each) && button("Claim", () => claim(each), { key: "c" }),
    );
  }

  function state(each) {
    if (given(each)) {
      const waits = each.confirmations_left > 0 ? "; it waits for a second person" : "";
      return `Your verdict: ${each.verdict}${waits}.`;
    }
    if (mine(each)) return ["Yours until ", moment(each.claimed_until), " UTC."];
    if (!free(each)) {
      return [data(each.claimed_by), " looks at it until ", moment(each.claimed_until), " UTC."];
    }
    return each.verdict ? "Waits for one more person." : "Open."; // whose verdict may be another
  }

  function form(each) {
    const choice = (value, key) => {
      const made = el("input", { type: "radio", name: "verdict", value, required: true });
      return el("label.choice", made, ` ${value} `, el("kbd", key));
    };
    const alone = each.decision.operation === "liveness"; // there is nobody to be taken for
    const truths = FOUND.filter(([found]) => !alone || found !== "impostor");
    const submit = (event) => {
      event.preventDefault();
      const { verdict, reason, found } = Object.fromEntries(new FormData(event.target));
      const body = { verdict, reason: reason.trim(), found: found || null };
      act(each, "POST", "", `recorded: ${verdict}`, body);
    };
    return el(
      "form.fields",
      { submit },
      el("fieldset", el("legend", "Verdict"), choice("accept", "a"), choice("reject", "r")),
      field("Reason", input("reason", { required: true, maxlength: 1000 })),
      field("What it was", select("found", truths), "becomes a label"),
      el("button", "Record ", el("kbd", "Enter")),
    );
  }

  /** A key on a case. What is typed into a field is text. */
  function pressed(event) {
    const item = event.target.closest("li");
    const { each } = known.get(item.dataset.id);
    if (event.key === "Escape") focus(item);
    if (event.ctrlKey || event.altKey || event.metaKey || writes(event.target)) return;
    const choose = (verdict) => {
      const chosen = item.querySelector(`[value=${verdict}]`);
      if (!chosen) return;
      chosen.checked = true;
      item.querySelector("[name=reason]").focus();
    };
    const step = (other) => other && focus(other);
    const keys = {
      ArrowDown: () => step(item.nextElementSibling),
      ArrowUp: () => step(item.previousElementSibling),
      c: () => free(each) && claim(each),
      a: () => choose("accept"),
      r: () => choose("reject"),
      u: () => undoable(each) && undo(each),
      x: () => mine(each) && release(each),
    };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  }

  const steps = [el("kbd", "↓"), " ", el("kbd", "↑"), " next and previous case, "];
  const shortcuts = el("p", steps, el("kbd", "Esc"), " back to the case; other keys as shown.");
  place.append(rule, shortcuts, live(look, EVERY_S, { signal, say }), none, list);
}

/** Whether a moment is still to come. */
function ahead(at) {
  return Boolean(at) && new Date(at) > new Date();
}

function writes(target) {
  return target.matches("select, input:not([type=radio])");
}
