"""The ``[batch]`` table.

::

    [batch]
    at_once = 50              # questions in flight, in each worker
    most = 200.0              # money, in the currency of the providers' `cost`
    root = "/srv/pictures"    # no picture may lie elsewhere
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from facegate.document import Table, explained
from facegate.errors import ConfigurationError

ASKED, SCORED = 2_000, 20_000
"""Rows of a chunk: those of files, and those of all pairs that templates answer."""
LAST = 500
"""Rows that the share of failures is taken of."""


class BatchSettings(Table):
    """All of ``[batch]``."""

    chunk: int | None = Field(
        default=None,
        gt=0,
        description="Rows that are worked on together and end in one file; 2,000, or 20,000 where"
        " an embedded engine compares all pairs, if absent.",
    )
    at_once: int = Field(
        default=20,
        gt=0,
        description="Questions in flight in each worker: as many may be charged twice by a kill.",
    )
    most: float | None = Field(
        default=None, gt=0, description="Money that a job may spend; no limit if absent."
    )
    failures: float = Field(
        default=0.2,
        gt=0,
        le=1,
        description="Share of the last 500 rows that may fail before the job stops.",
    )
    root: Path | None = Field(
        default=None,
        description="Folder that pictures must lie in, and that relative paths start from; the"
        " folder of the file that names them, and no limit, if absent.",
    )

    @classmethod
    def of(cls, table: Mapping[str, Any] | None, source: str) -> BatchSettings:
        """The settings that a table holds; the defaults if there is none.

        Args:
            table: as it was written.
            source: what to call the configuration in messages.

        Raises:
            ConfigurationError: a key is unknown or its value is wrong, naming the key.
        """
        if not isinstance(table, Mapping | None):
            raise ConfigurationError(f"{source}: batch: must be a table")
        try:
            return cls.model_validate(table or {})
        except ValidationError as error:
            raise explained(error, f"{source}: batch.", cls) from None
