"""Evaluations on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from facegate.cli.terminal import console
from facegate.evaluation.analyses import Paired, Statement, Verdict
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.table import headline, in_brief, of_two, sample, title
from facegate.evaluation.words import Section

_STYLES = {
    Verdict.BROKEN: "bold white on red",
    Verdict.NOT_MET: "bold white on red",
    Verdict.SUPPORTED: "bold black on cyan",
    Verdict.MET: "bold black on green",
    Verdict.WEAK: "bold black on yellow",
    Verdict.NOT_SUPPORTED: "bold black on yellow",
    Verdict.NOTE: "dim",
    Verdict.NOT_APPLICABLE: "dim",
}


def show(evaluations: Sequence[Evaluation], paired: Paired | None) -> None:
    """Print the conclusion, the statements, and the tables that everybody reads."""
    parts: list[RenderableType] = [
        Text(headline(evaluations, paired), "bold"),
        Text(title(evaluations), "dim"),
    ]
    if paired is not None:
        parts += [Text(), _statements(paired.statements), *_section(of_two(paired))]
    for each in evaluations:
        parts += [Text(f"\n{sample(each)}\n", "dim"), _statements(each.statements)]
        for section in in_brief(each):
            parts += _section(section)
    console().print(Group(*parts))


def _statements(statements: Iterable[Statement]) -> Table:
    rows = Table.grid(padding=(0, 1))
    rows.add_column()
    rows.add_column(overflow="fold")
    for each in statements:
        rows.add_row(Text(f" {each.verdict} ", _STYLES[each.verdict]), Text(each.text))
    return rows


def _section(section: Section) -> Sequence[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for index, column in enumerate(section.head):
        words = any(" " in row[index] for row in section.rows)
        # A number that is broken is another one.
        table.add_column(Text(column), overflow="fold", no_wrap=not words)
    for name, *cells in section.rows:
        table.add_row(Text(name, "dim"), *map(Text, cells))
    notes = (Text(note, "dim") for note in section.notes)
    rows = [table] if section.rows else []
    return [Text(f"\n{section.title}", "bold"), *rows, *notes]
