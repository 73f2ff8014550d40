"""A trial as a person reads it at a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from facegate.cli.terminal import console
from facegate.journal.rows import Row
from facegate.trial.arms import Arm
from facegate.trial.comparisons import Pairing
from facegate.trial.figures import FIGURES, named, period, told_of
from facegate.trial.findings import Finding, Verdict, headline
from facegate.trial.tally import Outcome
from facegate.trial.trial import Trial

_CASES = 20
_TOLD = 1000
_STYLES = {
    Verdict.BROKEN: "bold white on red",
    Verdict.DIFFERS: "bold black on cyan",
    Verdict.ALIKE: "bold black on green",
    Verdict.UNKNOWN: "bold black on yellow",
    Verdict.NOTE: "dim",
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
