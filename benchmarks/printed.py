"""A table of figures, for the terminal or for the docs."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table


def show(headings: Sequence[str], rows: Sequence[Sequence[str]], *, markdown: bool) -> None:
    """Print it."""
    if markdown:
        rule = ["---"] + ["---:"] * (len(headings) - 1)
        for row in (headings, rule, *rows):
            print("| " + " | ".join(row) + " |")
        print()
        return
    table = Table(*headings)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
