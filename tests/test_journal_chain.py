"""A journal that was altered shows it, and one that lawfully forgot does not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from databases import EVERY, fresh
from facegate import ConfigurationError, InvalidRequest
from facegate.journal.chain import Head, Kind, Record, StoredRecord, chained
from facegate.journal.verification import verify
from journals import NOON, finished, journal, write

SUBJECTS = ("ann", "ben", "ann", None, "ben", "ann")


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A journal of ten requests and their attempts: records 1 to 20."""
    path = tmp_path / "journal.db"
    with journal(f"sqlite:///{path}") as kept:
        write(kept, *(finished(f"r-{number}", "ann") for number in range(10)))
    return path


def tamper(file: Path, *statements: str) -> None:
    with closing(sqlite3.connect(file)) as database, database:
        for statement in statements:
            assert database.execute(statement).rowcount, statement


def problems(file: Path, expected: Head | None = None) -> Sequence[str]:
    with journal(f"sqlite:///{file}") as kept:
        return kept.verify(expected).problems


def head(file: Path) -> Head:
    with journal(f"sqlite:///{file}") as kept:
        return kept.head()


def test_an_untouched_journal_holds(file: Path) -> None:
    with journal(f"sqlite:///{file}") as kept:
        found = kept.verify(kept.head())
    assert (found.records, found.begins, found.head.seq, found.problems) == (20, 1, 20, ())


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE facegate_records SET decision = 'reject' WHERE seq = 7", "record 7 was altered"),
        ("UPDATE facegate_records SET cost = 1e999 WHERE seq = 7", "record 7 was altered"),
        ("UPDATE facegate_records SET arm = X'00' WHERE seq = 7", "record 7 was altered"),
        ("UPDATE facegate_records SET salt = '00' WHERE seq = 7", "record 7 was altered"),
        ("UPDATE facegate_records SET salt = NULL WHERE seq = 7", "record 7 was altered"),
        (
            "UPDATE facegate_records SET at = '2026' WHERE seq = 7",
            "record 7 does not follow from the one before it",
        ),
        (
            "UPDATE facegate_records SET kind = 'label' WHERE seq = 7",
            "record 7 does not follow from the one before it",
        ),
        ("DELETE FROM facegate_records WHERE seq = 7", "record 7 is missing"),
        ("DELETE FROM facegate_records WHERE seq BETWEEN 7 AND 9", "records 7 to 9 are missing"),
        ("DELETE FROM facegate_records WHERE seq = 1", "record 1 is missing"),
        ("DELETE FROM facegate_records WHERE seq > 17", "records 18 to 20 are missing"),
        ("DELETE FROM facegate_records", "records 1 to 20 are missing"),
        (
            "INSERT INTO facegate_records (seq, kind, at, content_hash, hash)"
            " VALUES (21, 'label', '2026', '', '')",
            "record 21 does not follow from the one before it",
        ),
        ("UPDATE facegate_head SET seq = 19", "record 20 is not where the journal says"),
        ("UPDATE facegate_records SET seconds = 'x' WHERE seq = 7", "record 7 was altered"),
        ("UPDATE facegate_records SET kind = X'00' WHERE seq = 7", "record 7 does not follow"),
        ("UPDATE facegate_records SET hash = 7 WHERE seq = 7", "record 7 does not follow"),
        ("UPDATE facegate_head SET hash = 7", "record 20 is not where the journal says"),
    ],
)
def test_what_was_done_to_it_is_named(file: Path, statement: str, place: str) -> None:
    tamper(file, statement)
    assert problems(file)[0].startswith(place)


def test_records_that_changed_places_are_named(file: Path) -> None:
    move = "UPDATE facegate_records SET seq = {1} WHERE seq = {0}"
    tamper(file, *(move.format(*places) for places in [(5, 99), (12, 5), (99, 12)]))
    wrong = "record {} does not follow from the one before it"
    assert problems(file) == tuple(wrong.format(seq) for seq in (5, 6, 12, 13))


def test_a_tail_cut_off_with_its_head_shows_only_against_a_head_kept_elsewhere(file: Path) -> None:
    before = head(file)
    with closing(sqlite3.connect(file)) as database:
        ((digest,),) = database.execute("SELECT hash FROM facegate_records WHERE seq = 17")
    tamper(
        file,
        "DELETE FROM facegate_records WHERE seq > 17",
        f"UPDATE facegate_head SET seq = 17, hash = '{digest}'",  # noqa: S608
    )
    assert problems(file) == ()
    assert problems(file, before) == ("records 18 to 20 are missing",)


def test_a_head_kept_elsewhere_holds_while_the_journal_grows(file: Path) -> None:
    before = Head.parse(str(head(file)))
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished("later"))
    assert problems(file, before) == ()
    forged = replace(before, hash="0" * 64)
    assert problems(file, forged) == ("record 20 is not the one that was expected",)


@pytest.mark.parametrize(
    "text", ["", "12", "12:", "x:" + "0" * 64, "12:" + "0" * 63, "9" * 19 + ":" + "0" * 64]
)
def test_what_is_no_head_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="a head is"):
        Head.parse(text)


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[StoredRecord], Head]:
    contents = draw(
        st.lists(
            st.dictionaries(
                st.sampled_from(["route", "cost", "shadow"]),
                st.text() | st.floats(allow_nan=False) | st.booleans() | st.none(),
            ),
            min_size=2,
            max_size=8,
        )
    )
    kept = list(chained(Head(), (Record(Kind.REQUEST, "2026", each) for each in contents)))
    return kept, Head(kept[-1].seq, kept[-1].hash)


def altered(kept: Sequence[StoredRecord], data: st.DataObject) -> Iterator[list[StoredRecord]]:
    """A chain after anything that one can do to one record or two."""
    one, other = (data.draw(st.integers(0, len(kept) - 1)) for _ in "12")
    rest = [*kept[:one], *kept[one + 1 :]]
    yield rest
    yield [*rest[:other], kept[one], *rest[other:]]
    for changes in ({"content": {"route": "another"}}, {"at": "2027"}, {"kind": "label"}):
        yield [*kept[:one], replace(kept[one], **changes), *kept[one + 1 :]]
    swapped = [replace(kept[other], seq=kept[one].seq), replace(kept[one], seq=kept[other].seq)]
    left = [each for each in kept if each not in (kept[one], kept[other])]
    yield sorted([*left, *swapped], key=lambda each: each.seq)


@pytest.mark.slow
@given(chain=chains(), data=st.data())
def test_whatever_is_altered_shows(
    chain: tuple[list[StoredRecord], Head], data: st.DataObject
) -> None:
    kept, end = chain
    assert verify(kept, Head(), end).problems == ()
    for other in altered(kept, data):
        if other != kept:
            assert verify(other, Head(), end).problems


def test_a_person_is_erased_and_the_chain_holds(url: str) -> None:
    with journal(url) as kept:
        write(kept, *(finished(f"r-{n}", who) for n, who in enumerate(SUBJECTS)))
        kept.label("r-0", genuine=True)
        kept.label("r-1", genuine=True)
        assert kept.erase("ann") == 3 * 2 + 1
        assert kept.erase("ann") == kept.erase("nobody") == 0
        assert [row.request_id for row in kept.rows()] == ["r-1", "r-3", "r-4"]
        found = kept.verify()
    assert (found.problems, found.erased, found.records) == ((), 7, 15)


def test_what_was_emptied_since_a_head_was_kept_is_counted(url: str) -> None:
    with journal(url) as kept:
        write(kept, *(finished(f"r-{n}", who) for n, who in enumerate(SUBJECTS)))
        kept.erase("ben")
        before = kept.head()
        write(kept, finished("later", "ann"))
        kept.erase("ann")
        found = kept.verify(before)
        assert (found.problems, found.erased, found.erased_since) == ((), 12, 6)
        assert kept.verify().erased_since == 0


@pytest.mark.parametrize("seq", ["x", b"\0", 1.5])
def test_a_number_that_is_none_is_named(seq: object) -> None:
    kept = list(chained(Head(), [Record(Kind.LABEL, "2026", {"request_id": "r"})] * 3))
    odd = [kept[0], replace(kept[1], seq=seq), kept[2]]  # type: ignore[arg-type]
    found = verify(odd, Head(), Head(3, kept[2].hash)).problems
    assert found == (f"a record is numbered {seq!r}, which is no number", "record 2 is missing")
    ends = verify(kept, Head(), Head(seq, kept[2].hash)).problems  # type: ignore[arg-type]
    assert ends == (f"the journal says that it ends at {seq!r}, which is no number",)


def test_many_erasures_are_each_explained() -> None:
    """Ten thousand of them: looking through all for each would not end."""
    requests = [Record(Kind.REQUEST, "2026", {"request_id": str(n)}) for n in range(20_000)]
    erasures = [
        Record(Kind.ERASURE, "2026", {"detail": json.dumps({"erased": [[seq, seq]]})})
        for seq in range(1, 20_000, 2)
    ]
    kept = [
        replace(record, content={}, salt=None) if record.seq < 20_000 and record.seq % 2 else record
        for record in chained(Head(), [*requests, *erasures])
    ]
    found = verify(kept, Head(), Head(kept[-1].seq, kept[-1].hash))
    assert (found.problems, found.erased) == ((), 10_000)


def test_nothing_of_an_erased_person_is_left_on_the_disk(tmp_path: Path) -> None:
    with journal(f"sqlite:///{tmp_path}/j.db") as kept:
        write(kept, finished("request-of-ann", "ann"), finished("request-of-ben", "ben"))
        name = next(kept.rows()).subject
        kept.erase("ann")
        left = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert name is not None
    assert b"request-of-ben" in left
    assert b"request-of-ann" not in left
    assert name.encode() not in left


def test_nobody_can_be_erased_by_name_where_no_names_are_kept(tmp_path: Path) -> None:
    with journal(f"sqlite:///{tmp_path}/j.db", subject_key=None) as kept:
        write(kept, finished(subject="ann"))
        with pytest.raises(ConfigurationError, match="subject_key"):
            kept.erase("ann")


def test_a_record_emptied_by_hand_shows(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(facegate_records)")]
    kept = ("seq", "kind", "at", "content_hash", "hash")
    nothing = ", ".join(f"{name} = NULL" for name in columns if name not in kept)
    tamper(file, f"UPDATE facegate_records SET {nothing} WHERE seq = 7")  # noqa: S608
    assert problems(file) == ("record 7 was emptied, and no erasure says so",)


def test_old_records_are_purged_and_the_chain_holds(url: str) -> None:
    days = [NOON + timedelta(days=day) for day in range(6)]
    with journal(url) as kept:
        write(kept, *(finished(f"r-{number}", at=day) for number, day in enumerate(days)))
        before = kept.head()
        # Attempts are at noon of the first day, so the last old request keeps its own.
        assert kept.purge(days[3]) == 6
        assert [row.request_id for row in kept.rows()] == ["r-3", "r-4", "r-5"]
        found = kept.verify(before)
        assert (found.problems, found.begins, found.records) == ((), 7, 7)
        assert kept.purge(days[3]) == 0
        assert kept.purge(days[3] + timedelta(days=999)) == 7
        assert list(kept.rows()) == []
        write(kept, finished("after"))
        assert kept.verify().problems == ()
        assert kept.verify(before).problems == ("record 12, which was expected, has been purged",)


def test_a_clock_in_the_future_does_not_stop_a_purge(url: str) -> None:
    wrong = datetime.now(UTC) + timedelta(days=9999)
    with journal(url) as kept:
        moments = (NOON, wrong, NOON, datetime.now(UTC), wrong)
        write(kept, *(finished(f"r-{n}", at=at) for n, at in enumerate(moments)))
        kept.purge(NOON + timedelta(days=1))
        assert [row.request_id for row in kept.rows()] == ["r-3", "r-4"]
        assert kept.verify().problems == ()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 3, 2),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=9))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))),
    ],
)
def test_a_moment_that_is_none_is_refused(url: str, moment: datetime) -> None:
    with journal(url) as kept:
        for asked in (kept.purge, lambda since: list(kept.rows(since=since))):
            with pytest.raises(InvalidRequest):
                asked(moment)


@pytest.mark.parametrize("detail", ["NULL", "'nonsense'", "'[]'", "'{\"upto\": 8}'"])
def test_a_purge_that_was_altered_shows(file: Path, detail: str) -> None:
    with journal(f"sqlite:///{file}") as kept:
        kept.purge(NOON + timedelta(days=1))
    tamper(file, f"UPDATE facegate_records SET detail = {detail}")  # noqa: S608
    assert problems(file) == ("records 1 to 20 are missing", "record 21 was altered")


def test_records_removed_by_hand_from_the_front_show(file: Path) -> None:
    tamper(file, "DELETE FROM facegate_records WHERE seq <= 4")
    assert problems(file) == ("records 1 to 4 are missing",)


def test_a_purge_that_was_interrupted_is_finished_by_the_next(file: Path) -> None:
    with closing(sqlite3.connect(file)) as database:
        old = database.execute("SELECT * FROM facegate_records WHERE seq IN (19, 20)").fetchall()
    with journal(f"sqlite:///{file}") as kept:
        kept.purge(NOON + timedelta(days=1))
    with closing(sqlite3.connect(file)) as database, database:
        database.executemany(
            f"INSERT INTO facegate_records VALUES ({', '.join('?' * len(old[0]))})",  # noqa: S608
            old,
        )
    assert problems(file) == ()
    with journal(f"sqlite:///{file}") as kept:
        assert kept.purge(NOON + timedelta(days=1)) == 2
        assert kept.verify().problems == ()
