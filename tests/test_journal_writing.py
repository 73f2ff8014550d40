"""When a request counts as recorded, and what happens while it cannot be."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from sqlalchemy import inspect, text

from acme import DOCUMENT, PROBE
from both import Run, every_driver
from databases import EVERY, fresh
from facegate import ConfigurationError, FaceVerifier, JournalUnavailable
from facegate.journal.chain import Head, Kind, Record
from facegate.journal.schema import STEPS, migrate, records
from facegate.journal.store import Store
from facegate.journal.verification import verify
from facegate.journal.writer import Entry, Writer
from facegate.runtime.deadline import Deadline
from facegate.runtime.drivers import AsyncDriver
from facegate.testing import FakeProvider
from journals import attempt, finished, journal, opened, write

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
SYNCS = ("before_answer", "background")


@pytest.fixture(params=EVERY)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return fresh(request.param, tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@contextmanager
def held(file: Path) -> Iterator[None]:
    """While somebody else writes to the database, and does not come to an end."""
    with closing(sqlite3.connect(file)) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.rollback()


def ids(kept: Any) -> list[str]:
    return [row.request_id for row in kept.rows()]


@every_driver
def test_a_request_that_cannot_be_recorded_fails(run: Run, file: Path) -> None:
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished("before"))
    with (
        journal(f"sqlite:///{file}", wait_s=0.2) as kept,
        held(file),
        pytest.raises(JournalUnavailable, match=r"within 0\.2 s") as caught,
    ):
        run(kept.record(finished("during", attempts=(attempt("main"),))))
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished("after"))
        assert ids(kept) == ["before", "during", "after"]
    assert caught.value.request_id == "during"
    assert [each.provider for each in caught.value.attempts] == ["main"]


@every_driver
def test_the_drivers_own_deadline_ends_the_wait_as_well(run: Run, file: Path) -> None:
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished())
    with (
        journal(f"sqlite:///{file}", wait_s=0.5) as kept,
        held(file),
        pytest.raises(JournalUnavailable),
    ):
        run(kept.record(finished()), seconds=0.2)


def test_a_caller_is_not_told_what_was_not_recorded(file: Path) -> None:
    provider = FakeProvider()
    with FaceVerifier(provider, recorder=opened(f"sqlite:///{file}")) as verifier:
        verifier.compare(PROBE, DOCUMENT)
    with (
        FaceVerifier(provider, recorder=opened(f"sqlite:///{file}", wait_s=0.2)) as verifier,
        held(file),
        pytest.raises(JournalUnavailable) as caught,
    ):
        verifier.compare(PROBE, DOCUMENT)
    assert len(provider.asked) == 2
    assert caught.value.http_status == 503


def test_in_the_background_nobody_waits_until_the_queue_is_full(file: Path) -> None:
    with journal(f"sqlite:///{file}", sync="background", queue=3, wait_s=0.2) as kept:
        write(kept, finished("before"))
        kept.close()
    with journal(f"sqlite:///{file}", sync="background", queue=3, wait_s=0.2) as kept, held(file):
        write(kept, *map(finished, "abc"))
        with pytest.raises(JournalUnavailable):
            write(kept, finished("d"))
    with journal(f"sqlite:///{file}") as kept:
        assert ids(kept) == ["before", *"abc"]


def test_a_full_queue_lets_the_next_one_in_once_there_is_room(file: Path) -> None:
    kept = opened(f"sqlite:///{file}", sync="background", queue=1)
    with closing(kept), ThreadPoolExecutor(1) as threads:
        with held(file):
            write(kept, finished("a"))
            waiting = threads.submit(write, kept, finished("b"))
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
        waiting.result()


@pytest.mark.parametrize("sync", SYNCS)
def test_closing_writes_what_waits(file: Path, sync: str) -> None:
    with journal(f"sqlite:///{file}", sync=sync) as kept:
        write(kept, *(finished(str(number)) for number in range(40)))
    with journal(f"sqlite:///{file}") as kept:
        assert len(ids(kept)) == 40


def test_a_closed_journal_takes_nothing_more(file: Path) -> None:
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished())
    kept.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        write(kept, finished())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_is_read_after_closing_leaves_no_file_open(file: Path) -> None:
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished())
    assert ids(kept) == ["r-1"]
    assert file.resolve() not in {each.resolve() for each in Path("/proc/self/fd").iterdir()}


def test_closing_does_not_wait_for_a_database_that_hangs(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished())
    with journal(f"sqlite:///{file}", sync="background", close_s=0.1) as kept, held(file):
        write(kept, finished(), finished())
        kept.close()
    assert "2 requests were not recorded" in caplog.text


def test_the_event_loop_is_never_kept_waiting(file: Path) -> None:
    async def main() -> None:
        driver, recorded = AsyncDriver(), anyio.Event()

        async def ask() -> None:
            await driver.run(kept.record(finished("b")), Deadline(60))
            recorded.set()

        async with anyio.create_task_group() as tasks:
            with held(file):
                tasks.start_soon(ask)
                for _ in range(100):
                    await anyio.lowlevel.checkpoint()
                assert not recorded.is_set()
        await driver.close()

    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished("a"))
        anyio.run(main)
        assert ids(kept) == ["a", "b"]


def test_many_threads_write_one_chain(url: str) -> None:
    with journal(url) as kept:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda n: write(kept, finished(str(n))), range(100)))
        assert sorted(ids(kept), key=int) == [str(number) for number in range(100)]
        assert kept.verify().problems == ()


MANY = """
from journals import *

with journal({url!r}) as kept:
    for number in range(50):
        write(kept, finished(f"{name}-{{number}}"))
"""


@pytest.mark.slow
def test_many_processes_write_one_chain(url: str) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", MANY.format(url=url, name=name)], cwd=HERE)
        for name in "ab"
    ]
    assert [process.wait() for process in processes] == [0, 0]
    with journal(url) as kept:
        assert len(set(ids(kept))) == 100
        assert kept.verify().problems == ()


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")  # that is the point
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
@pytest.mark.parametrize("sync", SYNCS)
def test_a_journal_works_on_both_sides_of_a_fork(url: str, sync: str) -> None:
    with journal(url, sync=sync) as kept:
        write(kept, finished("before"))
        child = os.fork()
        if not child:
            status = 1
            try:
                write(kept, finished("in the child"))
                kept.close()
                status = 0
            finally:
                os._exit(status)
        write(kept, finished("in the parent"))
        assert os.waitpid(child, 0)[1] == 0
        write(kept, finished("after"))
    with journal(url) as kept:
        assert sorted(ids(kept)) == ["after", "before", "in the child", "in the parent"]
        assert kept.verify().problems == ()


def test_a_server_that_dropped_its_connections_is_found_again(tmp_path: Path) -> None:
    url = fresh("postgresql", tmp_path)
    others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    with journal(url) as kept, closing(Store(url, durable=True)) as store:
        write(kept, finished("before"))
        with store.writing() as connection:
            connection.execute(text(f"{others} AND datname = current_database()"))
        write(kept, finished("after"))
        assert ids(kept) == ["before", "after"]


def test_whoever_forgets_to_close_loses_nothing(file: Path) -> None:
    code = (
        f"from journals import *\nwrite(opened('sqlite:///{file}', sync='background'), finished())"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HERE)
    with journal(f"sqlite:///{file}") as kept:
        assert ids(kept) == ["r-1"]


def test_a_commit_of_unknown_end_is_not_written_twice(url: str) -> None:
    once = [Record(Kind.LABEL, "2026", {"request_id": "r-1"})]
    never = [Record(Kind.LABEL, "2026", {"request_id": "r-2"})]
    with closing(Store(url, durable=True)) as store:
        store.append(once)
    with closing(Store(url, durable=True)) as store:  # as one that never heard of the commit
        store.append(once, again=True)
        store.append(never, again=True)
        with store.reading() as connection:
            kept = [each.content["request_id"] for each in store.chain(connection)]
    assert kept == ["r-1", "r-2"]


def test_what_could_not_be_written_is_tried_again_as_such() -> None:
    tries: list[tuple[int, bool]] = []

    def append(batch: Sequence[Record], *, again: bool = False) -> None:
        tries.append((len(batch), again))
        if len(tries) < 3:
            raise JournalUnavailable("not now")

    entry = Entry([Record(Kind.LABEL, "2026", {})])
    with closing(Writer(append, most=1, linger_s=0, close_s=5)) as writer:
        assert writer.offer(entry)
        assert entry.wait(60)
    assert tries == [(1, False), (1, True), (1, True)]


def test_several_may_be_the_first_to_open_it(url: str) -> None:
    at_once = threading.Barrier(4)

    def first(number: int) -> None:
        with closing(Store(url, durable=True)) as store:
            at_once.wait()
            store.append([Record(Kind.LABEL, "2026", {"number": number})])

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(first, range(4)))
    with journal(url) as kept:
        assert kept.verify().records == 4


def test_a_database_of_an_older_facegate_is_brought_up_to_date(url: str) -> None:
    later = (*STEPS, ("ALTER TABLE facegate_records ADD COLUMN device TEXT",))
    with journal(url) as kept:
        write(kept, finished())
    with closing(Store(url, durable=True)) as store:
        for _ in range(2):
            with store.writing() as connection:
                migrate(connection, later)
        with store.reading() as connection:
            connection.execute(text("SELECT device FROM facegate_records")).all()
            end = store.head(connection)
            assert verify(store.chain(connection), Head(), end).problems == ()


def test_a_database_of_a_newer_facegate_is_left_alone(url: str) -> None:
    with closing(Store(url, durable=True)) as store, store.writing() as connection:
        migrate(connection, (*STEPS, ()))
    newer = f"of version {len(STEPS) + 1}"
    with journal(url) as kept, pytest.raises(ConfigurationError, match=newer):
        kept.verify()


def test_tables_are_those_that_the_code_knows(url: str) -> None:
    with closing(Store(url, durable=True)) as store, store.writing() as connection:
        columns = inspect(connection).get_columns(records.name)
        there = {each["name"]: each["type"]._type_affinity for each in columns}
    assert there == {column.name: column.type._type_affinity for column in records.columns}


@pytest.mark.parametrize("gone", [Path.unlink, lambda file: file.rename(f"{file}.old")])
def test_nothing_is_written_to_a_file_that_was_taken_away(
    file: Path, gone: Any, caplog: pytest.LogCaptureFixture
) -> None:
    with journal(f"sqlite:///{file}") as kept:
        write(kept, finished("before"))
        gone(file)
        write(kept, finished("after"))
        assert "removed or replaced" in caplog.text
    with journal(f"sqlite:///{file}") as kept:
        assert ids(kept) == ["after"]


@pytest.mark.parametrize("sync", SYNCS)
def test_nothing_is_taken_that_no_thread_can_be_started_for(
    file: Path, sync: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_many(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with journal(f"sqlite:///{file}", sync=sync) as kept:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", too_many)
            with pytest.raises(JournalUnavailable):
                write(kept, finished("a"))
        write(kept, finished("b"))
    with journal(f"sqlite:///{file}") as kept:
        assert ids(kept) == ["b"]
