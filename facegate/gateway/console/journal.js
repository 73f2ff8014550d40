/** The journal: its head to write down elsewhere, and whether its chain holds. */

import { ask, lines } from "./api.js";
import { button, counted, data, el, facts, field, input, notice, section } from "./parts.js";

export const journal = { name: "journal", title: "Journal", scope: "decisions:read", show };

async function show({ place, session, signal, say }) {
  const found = await ask("GET", "v1/journal", { signal });
  place.append(
    facts([
      ["Records", counted(found.records)],
      ["Begins with", `record ${found.begins}`],
      ["Chain", found.keyed ? "made with a key" : "made without a key"],
    ]),
    head(found),
    el(
      "p.dim",
      "Write the head down elsewhere, day by day: it shows whether records were cut off.",
    ),
  );
  if (session.scopes.includes("admin")) place.append(verification(signal, say));
}

function head(found) {
  return el("p", "Head: ", el("code", data(found.head)));
}

/** A part that verifies the journal on demand; leaving the page ends it. */
function verification(signal, say) {
  const shown = el("div");
  const expected = input("expected");
  const begin = button("Verify all records", async () => {
    begin.disabled = true;
    try {
      const body = { expected: expected.value.trim() || null };
      for await (const state of lines("POST", "v1/journal/verification", { body, signal })) {
        shown.replaceChildren(...(state.state === "running" ? progress(state) : outcome(state)));
        if (state.state !== "running") say(verdict(state));
      }
    } catch (error) {
      if (!signal.aborted) shown.replaceChildren(notice(error.message));
    } finally {
      begin.disabled = false;
    }
  });
  const earlier = field("Earlier head", expected, "one that was written down, if there is one");
  return section("Verification", el("div.fields", earlier, begin), shown);
}

function progress({ done, of }) {
  const bar = el("progress", { max: of || 1, value: done, "aria-label": "Verified" });
  return [bar, ` ${counted(done)} of ${counted(of)} records`];
}

function outcome(state) {
  const { problems } = state;
  return [
    el(problems.length ? "p.notice" : "p.good", verdict(state)),
    el(
      "ul",
      problems.map((each) => el("li", data(each))),
    ),
    el(
      "p",
      `${counted(state.of)} records. `,
      !problems.length && ["This ", data(state.proves), "."],
    ),
    head(state),
  ];
}

function verdict({ state, problems }) {
  if (state === "failed") return "✕ It could not be verified.";
  return problems.length ? "✕ The chain does not hold." : "✓ The chain holds.";
}
