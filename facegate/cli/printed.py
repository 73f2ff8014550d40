"""Trial reports on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from facegate.cli.terminal import console
from facegate.journal.rows import RequestRow
from facegate.trial.comparisons import Pairing
from facegate.trial.findings import TrialFinding, Verdict, headline
from facegate.trial.table import OF_PEOPLE, OF_REQUESTS, Figure, case_cells, label, period
from facegate.trial.trial import Trial

_CASES = 20
"""Most disagreements that are listed, the latest."""
_CHUNK = 1000
"""Rows between two updates of the count."""
_STYLES = {
    Verdict.BROKEN: "bold white on red",
    Verdict.DIFFERS: "bold black on cyan",
    Verdict.ALIKE: "bold black on green",
    Verdict.UNKNOWN: "bold black on yellow",
    Verdict.NOTE: "dim",
}


def counted(rows: Iterable[RequestRow]) -> Iterator[RequestRow]:
    """The rows, while a person at a terminal sees how many were read."""
    columns = SpinnerColumn(), TextColumn("{task.completed:,.0f} records read")
    out, shown = console(stderr=True), sys.stderr.isatty()
    with Progress(*columns, console=out, transient=True, disable=not shown) as progress:
        task = progress.add_task("")
        for number, row in enumerate(rows, 1):
            if not number % _CHUNK:
                progress.update(task, completed=number)
            yield row


def show(trial: Trial, findings: Sequence[TrialFinding]) -> None:
    """Print the whole report."""
    console().print(_report(trial, findings))


def _report(trial: Trial, findings: Sequence[TrialFinding]) -> RenderableType:
    parts: list[RenderableType] = [
        Text(headline(findings), "bold"),
        Text(f"{period(trial)}\n", "dim"),
        _findings(findings),
        Text("\nevery subject's first request; intervals hold at every look, with 95 %", "dim"),
        _table(trial, OF_PEOPLE),
        Text("\nall requests", "dim"),
        _table(trial, OF_REQUESTS),
    ]
    parts += [_cases(pairing) for pairing in trial.pairings if pairing.cases]
    return Group(*parts)


def _findings(findings: Sequence[TrialFinding]) -> Table:
    rows = Table.grid(padding=(0, 1))
    rows.add_column()
    rows.add_column(overflow="fold")
    for each in findings:
        rows.add_row(Text(f" {each.verdict} ", _STYLES[each.verdict]), Text(each.text))
    return rows


def _table(trial: Trial, figures: Iterable[Figure]) -> Table:
    arms = (*trial.arms, *trial.shadows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for arm in arms:
        table.add_column(Text(label(arm)), overflow="fold")
    for name, words in figures:
        table.add_row(Text(name, "dim"), *(Text(words(arm)) for arm in arms))
    return table


def _cases(pairing: Pairing) -> Table:
    title = f"\nto review: {pairing.primary} and {pairing.candidate} disagree"
    if len(pairing.cases) > _CASES:
        title += f" (the latest {_CASES}; --json and --html list more)"
    table = Table(box=None, pad_edge=False, header_style="bold", title=Text(title, "dim"))
    table.title_justify = "left"
    for column in ("request", "when", pairing.primary, pairing.candidate):
        table.add_column(Text(column))
    for case in pairing.cases[-_CASES:]:
        table.add_row(*map(Text, case_cells(case)))
    return table
