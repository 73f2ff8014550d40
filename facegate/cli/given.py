"""The options of ``facegate evaluate``, and which of them go together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

_SOURCES = {
    "pairs": "PAIRS",
    "folder": "--folder",
    "lfw": "--lfw",
    "all_pairs": "--all-pairs",
    "scores": "--scores",
    "matrices": "--matrix",
    "journal": "--journal",
}
_ASKED = ("pairs", "folder", "lfw", "all_pairs")
"""Sources of pairs that providers are asked about."""
_MOST = 2
"""Providers that are compared with each other."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """The options, by their names; what is absent is None or empty."""

    pairs: Path | None
    folder: Path | None
    lfw: Path | None
    images: Path | None
    all_pairs: Path | None
    scores: Sequence[Path]
    matrices: Sequence[Path]
    journal: str | None
    providers: Sequence[str]
    routes: Sequence[str]
    operation: str
    threshold: str | None
    job: Path | None
    lower_is_closer: bool
    failed_score: float | None
    groups: Sequence[str] | None
    species: str
    profile: str | None
    costs: dict[str, float] | None
    split: float | None
    pairs_are_independent: bool
    html: Path | None
    scores_out: Path | None
    curves_out: Path | None
    config: str | None
    as_json: bool

    @property
    def source(self) -> str:
        """The name of the option that says what is evaluated."""
        return next(name for name in _SOURCES if getattr(self, name) not in (None, ()))

    @property
    def asks(self) -> bool:
        """Whether providers are asked."""
        return self.source in _ASKED

    @property
    def names(self) -> Sequence[str | None]:
        """The providers and routes that are asked; None for the default one."""
        return [*self.providers, *self.routes] or [None]

    @property
    def score(self) -> float | None:
        """The threshold in use; None where there is none, or the answers of a provider say it."""
        return None if self.threshold is None or self.asks else float(self.threshold)

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            click.UsageError: naming them.
        """
        found = [_SOURCES[name] for name in _SOURCES if getattr(self, name) not in (None, ())]
        if len(found) != 1:
            given = f", not {' and '.join(found)}" if found else ""
            raise click.UsageError(f"Give one of {', '.join(_SOURCES.values())}{given}.")
        for wrong, told in self._misfits():
            if wrong:
                raise click.UsageError(f"{told}.")

    def _misfits(self) -> Sequence[tuple[bool, str]]:
        read = self.source in ("scores", "matrices")
        lists = max(len(self.scores), len(self.matrices), len(self.names))
        lonely = (self.lfw is None) is not (self.images is None)
        ending = self.scores_out.suffix if self.scores_out else ".csv"
        return (
            (lonely, "--lfw and --images go together"),
            (lists > _MOST, f"Compare {_MOST} at a time"),
            (read and any(self.names), "Nobody is asked: leave --provider and --route away"),
            (self.journal is not None and bool(self.routes), "Choose by --provider in a journal"),
            (not self.asks and self.scores_out is not None, "--scores-out is of who is asked"),
            (ending not in (".csv", ".parquet"), "--scores-out ends in .csv or .parquet"),
            (not self.asks and not _is_score(self.threshold), "--threshold is a score here"),
            (not read and self.lower_is_closer, "--lower-is-closer is of a list or a matrix"),
            (not read and self.failed_score is not None, "--failed-score is of a list or a matrix"),
        )


def _is_score(text: str | None) -> bool:
    try:
        return math.isfinite(float(text or 0))
    except ValueError:
        return False
