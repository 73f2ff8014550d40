/** The console: who is signed in, which pages they may open, and the one that is open. */

import { Refusal, ask } from "./api.js";
import { decisions } from "./decisions.js";
import { journal } from "./journal.js";
import { keys } from "./keys.js";
import { button, data, el, empty, field, input, notice } from "./parts.js";
import { providers } from "./providers.js";
import { reviews } from "./reviews.js";
import { routes } from "./routes.js";
import { trial } from "./trial.js";

const PAGES = [decisions, reviews, providers, routes, trial, journal, keys];
const [main, nav, who, said] = ["main", "pages", "who", "said"].map((id) =>
  document.getElementById(id),
);
let session = null;
let leaving = new AbortController();

/** Tell those who do not see the page. */
function say(words) {
  said.textContent = words;
}

/** The pages that the session's key opens. */
function open() {
  return PAGES.filter((page) => session.scopes.includes(page.scope));
}

async function start() {
  session = await ask("GET", "v1/session");
  const leave = button("Sign out", async () => {
    await ask("DELETE", "console/session");
    location.reload(); // nothing of theirs stays
  });
  // Without keys there is nothing to sign out of.
  who.replaceChildren(data(session.name), session.caller === "local" ? "" : leave);
  nav.replaceChildren(
    ...open().map((page) => el("li", el("a", { href: `#/${page.name}` }, page.title))),
  );
  show();
}

/** The page that the address names. */
async function show({ focus = false } = {}) {
  if (session === null) return;
  const [path, values] = location.hash.slice(1).split("?");
  const [name, id] = path.split("/").slice(1).map(decoded);
  const page = open().find((each) => each.name === name) ?? open()[0];
  const place = begin(page?.title ?? "No page", focus);
  if (page === undefined) {
    const scopes = [...new Set(PAGES.map((each) => each.scope))].join(", ");
    place.append(empty(`This key opens no page here. Make one with a scope of: ${scopes}.`));
    return;
  }
  for (const link of nav.querySelectorAll("a")) {
    const current = link.hash === `#/${page.name}`;
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const { signal } = leaving;
  const query = Object.fromEntries(new URLSearchParams(values));
  await page.show({ place, id, query, session, say, signal });
}

/** A new page with its heading; what the one before was waiting for is of no use any more. */
function begin(title, focus = false) {
  leaving.abort();
  leaving = new AbortController();
  document.querySelector("dialog")?.close();
  const heading = el("h1", { tabindex: "-1" }, title);
  const place = el("div", heading);
  main.replaceChildren(place);
  document.title = `${title} - facegate`;
  if (focus) heading.focus();
  return place;
}

function signIn() {
  session = null;
  who.replaceChildren();
  nav.replaceChildren();
  const key = input("key", {
    type: "password",
    autocomplete: "current-password",
    required: true,
    pattern: " *[!-~]+ *",
    title: "Letters, digits and _ alone",
  });
  const failure = el("div");
  const submit = async (event) => {
    event.preventDefault();
    failure.replaceChildren();
    try {
      const headers = { authorization: `Bearer ${key.value.trim()}` };
      await ask("POST", "console/session", { headers });
      await start();
    } catch (error) {
      failure.replaceChildren(notice(error.message));
      key.select();
    }
  };
  const enter = el("button", { disabled: !isSecureContext }, "Sign in");
  begin("Sign in").append(
    el(
      "p",
      "With a key, as ",
      el("code", "facegate keys create"),
      " prints it. It is not kept here.",
    ),
    el("form.fields", { submit }, field("Key", key), enter),
    failure,
  );
  if (!isSecureContext) {
    failure.append(notice("This page came over plain HTTP. Open it over https, or on 127.0.0.1."));
  }
  key.focus();
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("unhandledrejection", (event) => {
  const error = event.reason;
  const left = error.name === "AbortError" || error.status === 401;
  if (!left && !(error instanceof Refusal)) return;
  event.preventDefault();
  main.querySelector(":scope > .notice")?.remove();
  if (!left) main.append(notice(error.message));
});
addEventListener("hashchange", () => show({ focus: true }));
addEventListener("signed-out", () => {
  const ended = session !== null;
  if (document.querySelector("form [name=key]") === null) signIn();
  if (ended) main.firstChild.append(notice("The session has ended. Sign in again."));
});
start();
