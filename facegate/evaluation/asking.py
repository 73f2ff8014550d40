"""Providers asked about labelled pairs, by a batch, so that what was paid for is never lost."""

from __future__ import annotations

from pathlib import Path

import duckdb

from facegate.batch.asking import Ending
from facegate.batch.job import Job, Opened, Order
from facegate.batch.parts import part_file
from facegate.batch.run import Progress, run
from facegate.errors import ConfigurationError, InvalidRequest, ProviderUnavailable


def asked(order: Order, out: Path, progress: Progress) -> None:
    """Ask a provider or route about pairs, or go on with it, and write all answers to one file.

    Args:
        order: who is asked about what.
        out: the file: CSV, or Parquet where its name ends so.
        progress: is told how far it is.

    Raises:
        ProviderUnavailable: too many rows failed.
        ConfigurationError: the job would cost more than it may, or is another one than was begun.
        InvalidRequest: the pairs cannot be asked, or the file cannot be written.
    """
    status = run(order, progress)
    if not status.done:
        rest = (
            f"{status.figures.rows:,} of {status.rows:,} pairs were asked; the same command goes on"
        )
        if status.ending is Ending.FAILURES:
            raise ProviderUnavailable(f"too many of the last pairs failed: {rest}")
        raise ConfigurationError(f"the job ended before its last pair ({status.ending}): {rest}")
    job = Job.read(order.out)
    parts = [str(part_file(job.parts, chunk)) for chunk in job.chunks]
    with duckdb.connect() as database:
        answers = database.read_parquet(parts)
        try:
            if out.suffix == ".parquet":
                answers.write_parquet(str(out))
            else:
                answers.write_csv(str(out))
        except duckdb.Error as error:
            reason = type(error).__name__
            raise InvalidRequest(f"cannot write {out.name} ({reason})") from None


def lower_is_closer(order: Order) -> bool:
    """Whether those who would be asked give distances.

    Raises:
        ConfigurationError: nobody would be.
    """
    providers = Opened.of(order.config, order.name).setup.route.providers
    specs = [each.info.match for each in providers if each.info.match is not None]
    return any(spec.scale.lower_is_closer for spec in specs)
