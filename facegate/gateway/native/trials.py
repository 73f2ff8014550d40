"""The trial of a route, in statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel

from facegate.errors import InvalidRequest
from facegate.routing.node import Node
from facegate.routing.route import Route
from facegate.routing.split import Split
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from facegate.journal.journal import Journal


class NoTrial(InvalidRequest):
    """The route is on no trial, or nothing was asked on it yet."""

    http_status = 404


class Statement(BaseModel):
    """A statement about a trial.

    Attributes:
        kind: ``broken``, ``differs``, ``alike``, ``unknown`` or ``note``.
        about: its subject.
        text: in full.
    """

    kind: str
    about: str
    text: str


class Figures(BaseModel):
    """A table of figures, as texts.

    Attributes:
        title: what it counts.
        head: names of its columns, the first empty.
        rows: a name and a cell for each column.
    """

    title: str
    head: list[str]
    rows: list[list[str]]


class TrialReport(BaseModel):
    """A trial, read anew: what its data supports, at all looks together.

    Attributes:
        route: the route on trial.
        headline: the whole in a sentence or two.
        period: whose records, and from when to when.
        statements: the most important first.
        tables: figures of each arm and candidate.
    """

    route: str
    headline: str
    period: str
    statements: list[Statement]
    tables: list[Figures]


def trial(journal: Journal, route: Route, name: str) -> TrialReport:
    """The trial of a route; reads all of its records.

    Raises:
        NoTrial: there is nothing to report.
        ConfigurationError: the extra ``report`` is missing.
    """
    weights = _weights(route.node)
    if weights is None and route.shadow is None:
        raise NoTrial(f"the route {name!r} is on no trial")
    with extra("report", "scipy", needed_by="the trial's report"):
        from facegate.trial import table
        from facegate.trial.findings import headline, trial_findings
        from facegate.trial.trial import Trial
    try:
        found = Trial.of(name, journal.rows(name), weights=weights)
    except InvalidRequest as error:
        raise NoTrial(error.message) from None
    findings = trial_findings(found, journal.rounds.changes())
    arms = (*found.arms, *found.shadows)

    def figures(title: str, kind: Sequence[table.Figure]) -> Figures:
        rows = [[name, *(words(arm) for arm in arms)] for name, words in kind]
        return Figures(title=title, head=["", *map(table.label, arms)], rows=rows)

    return TrialReport(
        route=name,
        headline=headline(findings),
        period=table.period(found),
        statements=[
            Statement(kind=str(each.verdict), about=each.about, text=each.text) for each in findings
        ],
        tables=[figures("People", table.OF_PEOPLE), figures("Requests", table.OF_REQUESTS)],
    )


def _weights(node: Node) -> Mapping[str, float] | None:
    """Weights of the first split on the way; None where there is none."""
    if isinstance(node, Split):
        return {name: arm.weight for name, arm in node.arms.items()}
    return next(filter(None, map(_weights, node.children())), None)
