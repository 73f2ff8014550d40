"""A trial as a person reads it at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from facegate.journal.rows import Row
from facegate.report.arms import Arm, Rate
from facegate.report.comparisons import Pairing
from facegate.report.findings import Finding, Verdict, duration, headline, percent
from facegate.report.tally import Case, Outcome
from facegate.report.trial import Trial
from facegate.terminal import console

_CASES = 20
_TOLD = 1000
_STYLES = {
    Verdict.BROKEN: "bold white on red",
    Verdict.DIFFERS: "bold black on cyan",
    Verdict.ALIKE: "bold black on green",
    Verdict.UNKNOWN: "bold black on yellow",
    Verdict.NOTE: "dim",
}
MEANINGS = {
    Outcome.ACCEPT: "accepted",
    Outcome.REVIEW: "to review",
    Outcome.REJECT: "rejected",
    Outcome.REFUSED: "picture refused",
    Outcome.FAILED: "provider failed",
}


def counted(rows: Iterable[Row]) -> Iterator[Row]:
    """The rows, while a person at a terminal sees how many were read."""
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} records read")
    out, shown = console(stderr=True), sys.stderr.isatty()
    with Progress(*columns, console=out, transient=True, disable=not shown) as progress:
        task = progress.add_task("")
        for number, row in enumerate(rows, 1):
            if not number % _TOLD:
                progress.update(task, completed=number)
            yield row


def show(found: Trial, said: Sequence[Finding]) -> None:
    """Print the whole report."""
    console().print(_report(found, said))


def _report(found: Trial, said: Sequence[Finding]) -> RenderableType:
    parts: list[RenderableType] = [
        Text(headline(said), "bold"),
        Text(f"{period(found)}\n", "dim"),
        _findings(said),
        Text("\nevery subject's first request; intervals hold at every look, with 95 %", "dim"),
        _table(found, FIGURES[: len(Outcome) + 1]),
        Text("\nall requests", "dim"),
        _table(found, FIGURES[len(Outcome) + 1 :]),
    ]
    parts += [_cases(each) for each in found.pairings if each.cases]
    return Group(*parts)


def period(found: Trial) -> str:
    """What was read."""
    first, last = (f"{at:%Y-%m-%d %H:%M}" for at in (found.first, found.last))
    return f"route {found.route}, {first} to {last} UTC, {found.rows:,} records"


def _share(outcome: Outcome) -> Callable[[Arm], str]:
    def told(arm: Arm) -> str:
        found = arm.outcomes[outcome]
        low, high = (f"{100 * end:.1f}" for end in found.interval)
        return f"{percent(found.share)} ({low} to {high})" if arm.people else "-"

    return told


def _percentile(name: str) -> Callable[[Arm], str]:
    return lambda arm: duration(getattr(arm.latency, name)) if arm.latency else "-"


def _money(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.4g}"


def _rate(found: Rate) -> str:
    if not found.labelled:
        return "no labels"
    low, high = (f"{100 * end:.1f}" for end in found.interval)
    return f"{found.wrong:,} of {found.labelled:,}: {percent(found.share)} ({low} to {high})"


def _errors(arm: Arm) -> str:
    return "\n".join(f"{name} {count:,}" for name, count in arm.errors.items()) or "none"


FIGURES: Sequence[tuple[str, Callable[[Arm], str]]] = (
    ("people", lambda arm: f"{arm.people:,}"),
    *((MEANINGS[outcome], _share(outcome)) for outcome in Outcome),
    ("requests", lambda arm: f"{arm.requests:,}"),
    ("answered by", lambda arm: "\n".join(arm.providers) or "-"),
    ("latency, median", _percentile("p50")),
    ("95th percentile", _percentile("p95")),
    ("99th percentile", _percentile("p99")),
    ("cost", lambda arm: _money(arm.cost)),
    ("cost of a request", lambda arm: _money(arm.per_request)),
    ("cost of a decision", lambda arm: _money(arm.per_decision)),
    ("errors", _errors),
    ("genuine, turned away", lambda arm: _rate(arm.not_accepted)),
    ("attacks let in", lambda arm: _rate(arm.attacks_accepted)),
)
"""What is told of every arm: of people first, of all requests after that."""


def named(arm: Arm) -> str:
    """What an arm is called beside others."""
    return f"{arm.name} (shadow)" if arm.shadow else arm.name


def _findings(said: Sequence[Finding]) -> Table:
    rows = Table.grid(padding=(0, 1))
    rows.add_column()
    rows.add_column(overflow="fold")
    for each in said:
        rows.add_row(Text(f" {each.verdict} ", _STYLES[each.verdict]), Text(each.text))
    return rows


def _table(found: Trial, figures: Iterable[tuple[str, Callable[[Arm], str]]]) -> Table:
    arms = (*found.arms, *found.shadows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for arm in arms:
        table.add_column(Text(named(arm)), overflow="fold")
    for name, told in figures:
        table.add_row(Text(name, "dim"), *(Text(told(arm)) for arm in arms))
    return table


def _cases(found: Pairing) -> Table:
    title = f"\nto review: {found.primary} and {found.candidate} disagree"
    if len(found.cases) > _CASES:
        title += f" (the latest {_CASES}; --json and --html list more)"
    table = Table(box=None, pad_edge=False, header_style="bold", title=Text(title, "dim"))
    table.title_justify = "left"
    for column in ("request", "when", found.primary, found.candidate):
        table.add_column(Text(column))
    for case in found.cases[-_CASES:]:
        table.add_row(*(Text(told) for told in told_of(case)))
    return table


def told_of(case: Case) -> Sequence[str]:
    """A case in four columns."""

    def answer(outcome: Outcome, score: float | None) -> str:
        return str(outcome) if score is None else f"{outcome} at {score:.3f}"

    shown = "".join(c if c.isprintable() else "?" for c in case.request_id)
    return (
        shown,
        f"{case.at:%Y-%m-%d %H:%M}",
        answer(case.primary, case.primary_score),
        answer(case.candidate, case.candidate_score),
    )
