/** The trial of a route: what its data supports. */

import { ask, query } from "./api.js";
import { badge, data, el, empty, field, plain, section, select, table } from "./parts.js";

export const trial = { name: "trial", title: "Trial", scope: "decisions:read", show };

async function show({ place, query: asked, signal }) {
  const { routes } = await ask("GET", "v1/routes", { signal });
  const route = asked.route ?? routes.find((each) => each.default)?.name;
  const names = routes.map((each) => [each.name]);
  const choice = select("route", names, route);
  choice.addEventListener("change", () => {
    location.hash = `#${query("/trial", { route: choice.value })}`;
  });
  const report = el("div", el("p.dim", "Reading the journal."));
  place.append(el("div.fields", field("Route", choice)), report);
  report.replaceChildren(...(await told(route, signal)));
}

async function told(route, signal) {
  let found;
  try {
    found = await ask("GET", query("v1/trial", { route }), { signal });
  } catch (error) {
    if (error.status !== 404) throw error;
    const way = ["A trial begins with ", el("code", "split"), " or ", el("code", "shadow")];
    return [empty(plain(error.message)), empty(way, " in a route.")];
  }
  const statement = ({ kind, text }) => el("li", badge(kind, kind), el("p", data(text)));
  return [
    el("p.headline", data(found.headline)),
    el("p.dim", data(found.period)),
    el("ul.badges", found.statements.map(statement)),
    ...found.tables.map(figures),
  ];
}

function figures({ title, head: [, ...arms], rows }) {
  const cells = rows.map((row) => row.map(data));
  return section(title, table(title, ["figure", ...arms], cells));
}
