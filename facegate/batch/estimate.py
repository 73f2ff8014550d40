"""An estimate of a job: what would be asked, of whom and at what price, before anything is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from facegate.batch.columns import is_read
from facegate.batch.job import Job, Opened, Order, begun_before
from facegate.batch.ledger import open_chunks
from facegate.batch.money import Prices
from facegate.batch.scoring import templated
from facegate.batch.source import Source, check, database, inputs, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an order would do.

    Attributes:
        rows: rows of the job.
        left: rows without an answer; with ``again``, also those of parts with errors.
        operation: the question.
        recipients: who would see pictures, by provider, with the region where that is known.
        by_templates: whether every picture is looked at once, and nobody is asked by pairs.
        least: price where the first provider answers every row at once; None if unknown.
        worst: price where every retry and failover is needed and charged; None if unknown.
    """

    rows: int
    left: int
    operation: str
    recipients: Mapping[str, str]
    by_templates: bool
    least: float | None
    worst: float | None

    def sentences(self) -> Sequence[str]:
        """The estimate in words."""
        seen = ", ".join(f"{name}: {who}" for name, who in self.recipients.items())
        way = "each picture is looked at once" if self.by_templates else "each row is asked"
        if self.least is None or self.worst is None:
            price = "price: not known, for a provider has no `cost`"
        elif self.least == self.worst:
            price = f"price: {self.worst:,.2f}"
        else:
            price = (
                f"price: {self.least:,.2f}, up to {self.worst:,.2f} with every retry and failover"
            )
        return [
            f"{self.rows:,} rows, {self.left:,} of them to do ({self.operation}); {way}",
            f"pictures go to {seen}",
            price,
            "nothing was asked",
        ]

    def as_data(self) -> dict[str, Any]:
        """The estimate as JSON-ready data."""
        return {
            "rows": self.rows,
            "left": self.left,
            "operation": self.operation,
            "recipients": dict(self.recipients),
            "by_templates": self.by_templates,
            "least": self.least,
            "worst": self.worst,
        }


def estimate(order: Order) -> Estimate:
    """Estimate an order; nothing is asked, and its folder is left as it is.

    Raises:
        FacegateError: as :func:`facegate.batch.run.run` does.
    """
    opened = Opened.of(order.config, order.name)
    route = opened.setup.route
    prices = Prices.of(route, order.operation)
    with database() as files, TemporaryDirectory() as folder:
        job = begun_before(order, opened)
        if job is not None:
            source, left = job.source, _left(job, order)
        else:
            listed = inputs(files, order.files, opened.settings.root, Path(folder))
            source = Source(listed, order.all_pairs, order.group_by)
            check(files, source, order.operation)
            left = source.rows
        galleries = _galleries(files, source)
    share = left / source.rows
    worst = sum(rows * prices.worst(pictures) for pictures, rows in galleries.items()) * share
    known = None not in prices.costs.values()
    return Estimate(
        rows=source.rows,
        left=left,
        operation=str(order.operation),
        recipients={
            each.name: ", ".join(
                filter(None, (each.info.handling.recipient, each.info.handling.region))
            )
            for each in route.providers
        },
        by_templates=templated(route, order.operation) is not None,
        least=None if prices.least is None else prices.least * left,
        worst=worst if known else None,
    )


def _left(job: Job, order: Order) -> int:
    done = job.done(open_chunks(job.ledgers)).values()
    return job.source.rows - sum(
        part.figures.rows - (part.figures.errors.total() if order.again else 0) for part in done
    )


def _galleries(files: DuckDBPyConnection, source: Source) -> dict[int, int]:
    """Number of rows by their number of gallery pictures."""
    if source.all_pairs:
        return {1: source.rows}
    counts = [
        f"coalesce(len({quoted(name)}), 0)"
        if kind.endswith("[]")
        else f"CAST({quoted(name)} IS NOT NULL AS INTEGER)"
        for name, kind in source.columns.items()
        if is_read(name) and name.startswith("gallery")
    ]
    pictures = " + ".join(counts) or "0"
    table = source.table(files, 1, source.listed)
    rows = table.aggregate(f"{pictures} AS pictures, count(*) AS times", "pictures").fetchall()
    return {int(pictures): int(times) for pictures, times in rows}
