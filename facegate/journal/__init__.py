"""A record of every decision, which shows if it was altered.

Each request, each attempt and each outcome that is learnt later is one record, numbered without
gaps. ``content_hash`` is the SHA-256 of the record's salt and its content as canonical JSON;
``hash`` is that of the hash before, the number, the kind, the time and the ``content_hash``. So a
record that is changed, removed, moved or put in between no longer follows from the one before it.

The end is known too: a row of its own holds the last number and hash. Whoever can write the
database can still forge all of it from some record on, unless the chain is hashed with a key (see
:mod:`facegate.journal.chain`), and can cut off its end in any case. What no forger can do is keep
the hashes that were written down elsewhere, so print the head now and then (``facegate journal
head``), keep it out of reach, and verify against it.

Each request has an id of its own, whatever callers give (:mod:`facegate.journal.naming`). What
people do about a decision follows it and never changes it (:mod:`facegate.journal.reviews`).

Forgetting leaves the chain whole. Erasing a person empties every column of their records but
number, kind, time and the two hashes; without the random salt, which goes too, the content cannot
be guessed from its hash. Purging removes the oldest records and writes down where the chain now
begins. Both add a record that says what was done, and a record that is empty or absent without one
is a problem that ``facegate journal verify`` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from facegate.journal.chain import Head, Kind
from facegate.journal.lookup import (
    CaseTaken,
    Detail,
    Extent,
    Figures,
    Filter,
    NotRecorded,
    Page,
)
from facegate.journal.rows import (
    Act,
    AttemptRow,
    Case,
    Found,
    LabelRow,
    RequestRow,
    ReviewRow,
    ReviewState,
    Verdict,
)
from facegate.journal.verification import ChainVerification
from facegate.runtime.extras import extra

if TYPE_CHECKING:
    from facegate.journal.journal import Journal as Journal
    from facegate.journal.journal import Progress as Progress

__all__ = [
    "Act",
    "AttemptRow",
    "Case",
    "CaseTaken",
    "ChainVerification",
    "Detail",
    "Extent",
    "Figures",
    "Filter",
    "Found",
    "Head",
    "Journal",
    "Kind",
    "LabelRow",
    "NotRecorded",
    "Page",
    "Progress",
    "RequestRow",
    "ReviewRow",
    "ReviewState",
    "Verdict",
    "open_journal",
]


def open_journal(table: Mapping[str, Any], source: str) -> Journal:
    """Make the journal that a ``[journal]`` table describes; nothing is opened yet.

    Args:
        table: as it was written.
        source: what to call the configuration in messages.

    Raises:
        ConfigurationError: naming the key, or the package that is missing.
    """
    from facegate.journal.settings import JournalSettings

    settings, where = JournalSettings.of(table, source), f"{source}: journal"
    with (
        extra("journal", "sqlalchemy", needed_by=where),
        extra("postgres", "psycopg", needed_by=where),
    ):
        from facegate.journal.journal import Journal

        return Journal(settings)


if not TYPE_CHECKING:

    def __getattr__(name):
        """The journal itself, loaded when it is asked for: it needs the extra."""
        if name not in ("Journal", "Progress"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from facegate.journal import journal

        return getattr(journal, name)
