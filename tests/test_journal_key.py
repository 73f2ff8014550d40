"""A chain that is hashed with a key, which whoever can write the database does not have."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from databases import EVERY, fresh
from facegate import ConfigurationError, JournalUnavailable
from facegate.journal import Journal
from facegate.journal.chain import Head, Kind, Record, chained
from journals import finished, journal, write

pytestmark = pytest.mark.slow

KEY = "a key that nobody guesses"
IMPATIENT: dict[str, Any] = {"wait_s": 2, "close_s": 0.1}
"""Time enough to find out that it cannot be, and no more."""


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal that was sealed from its beginning: records 1 to 7."""
    path = tmp_path / "journal.db"
    with journal(f"sqlite:///{path}", chain_key=KEY) as kept:
        write(kept, *(finished(f"r-{number}", "ann") for number in range(3)))
    return path


def kinds(kept: Journal) -> list[str]:
    with kept.store.reading() as connection:
        return [each.kind for each in kept.store.chain(connection)]


def test_a_new_journal_is_sealed_from_its_first_record(url: str) -> None:
    with journal(url, chain_key=KEY) as kept:
        write(kept, finished("r-1"))
        assert kinds(kept) == ["seal", "request", "attempt"]
        found = kept.verify()
    assert (found.problems, found.keyed_from) == ((), 1)
    assert found.proves.endswith("altered, removed or added a record among them")


def test_an_older_one_is_sealed_where_somebody_says_so(url: str) -> None:
    with journal(url) as kept:
        write(kept, finished("r-1"))
    with journal(url, chain_key=KEY, **IMPATIENT) as kept:
        with pytest.raises(JournalUnavailable, match="begin with `facegate journal seal`"):
            write(kept, finished("r-2"))
        with pytest.raises(JournalUnavailable, match="does not say that it is hashed"):
            kept.check()
        with pytest.raises(ConfigurationError, match="if it never was"):
            kept.verify()
    with journal(url, chain_key=KEY) as kept:
        kept.seal()
        write(kept, finished("r-3"))
        found = kept.verify()
    assert (found.problems, found.keyed_from) == ((), 3)
    assert "since record 3; those before it could be forged until then" in found.proves


@pytest.mark.parametrize(
    ("key", "why"), [(None, "chain_key is not set"), (f"not {KEY}", "another key than")]
)
def test_whoever_lacks_the_key_neither_writes_nor_verifies(
    url: str, key: str | None, why: str
) -> None:
    with journal(url, chain_key=KEY) as kept:
        write(kept, finished("r-1"))
    with journal(url, chain_key=key, **IMPATIENT) as kept:
        with pytest.raises(JournalUnavailable, match=why):
            write(kept, finished("r-2"))
        with pytest.raises(ConfigurationError, match=why):
            kept.verify()
        assert [row.request_id for row in kept.rows()] == ["r-1"]  # it is no secret


def test_a_process_with_the_older_configuration_stops_writing_once_it_is_sealed(url: str) -> None:
    with journal(url, **IMPATIENT) as old, journal(url, chain_key=KEY) as new:
        write(old, finished("r-1"))
        new.seal()
        with pytest.raises(JournalUnavailable, match="chain_key is not set"):
            write(old, finished("r-2"))
        assert new.verify().problems == ()


def forge(file: Path, seal: str) -> None:
    """Hash the whole journal anew, without the key, as one that never held its third request."""
    records = [
        Record(Kind.REQUEST, "2026", {"request_id": f"r-{number}"}, salt="00")
        for number in range(2)
    ]
    forged = list(chained(Head(), records))
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("DELETE FROM facegate_records")
        for each in forged:
            database.execute(
                "INSERT INTO facegate_records (seq, kind, at, content_hash, hash, salt, request_id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    *(each.seq, each.kind, each.at, each.content_hash, each.hash, each.salt),
                    each.content["request_id"],
                ),
            )
        end = forged[-1]
        database.execute(
            f"UPDATE facegate_head SET seq = ?, hash = ?, seal = {seal}",  # noqa: S608
            (end.seq, end.hash),
        )


def test_who_hashes_all_of_it_anew_is_found_out(file: Path) -> None:
    forge(file, "seal")
    with journal(f"sqlite:///{file}", chain_key=KEY) as kept:
        problems = kept.verify().problems
    assert problems == ("no record says from where on the chain is hashed with the key",)


def test_a_forger_who_says_that_it_was_never_sealed_stops_it(file: Path) -> None:
    forge(file, "NULL")
    with journal(f"sqlite:///{file}", chain_key=KEY, **IMPATIENT) as kept:
        with pytest.raises(ConfigurationError, match="somebody altered it"):
            kept.verify()
        with pytest.raises(JournalUnavailable):
            write(kept, finished("r-4"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE facegate_records SET decision = 'reject' WHERE seq = 4",
        "DELETE FROM facegate_records WHERE seq = 1",
        "UPDATE facegate_records SET kind = 'label' WHERE seq = 1",
    ],
)
def test_what_shows_without_a_key_shows_with_one(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(statement)
    with journal(f"sqlite:///{file}", chain_key=KEY) as kept:
        assert kept.verify().problems


def test_forgetting_leaves_a_keyed_chain_whole(url: str) -> None:
    with journal(url, chain_key=KEY) as kept:
        write(kept, finished("r-1", "ann"), finished("r-2", at=datetime.now(UTC)))
        kept.erase("ann")
        assert kept.verify().problems == ()
        kept.purge(datetime.now(UTC))  # with the record that said where the key begins
        write(kept, finished("r-3", at=datetime.now(UTC)))
        found = kept.verify()
    assert (found.problems, found.keyed_from) == ((), found.begins)
    assert "seal" not in kinds(kept)
