"""What the journal costs: an answer that waits for it, and looking something up in a large one.

``python benchmarks/journal.py`` asks a vendor that answers at once, without a journal and with one
in the background and before the answer, in turn; then it makes a journal of a million records,
lists and shows requests of it, verifies it, and reads all of it. It ends with exit code 1 if a list
or a single request takes more than 20 ms, or if memory grows with the number of records.

``--records 10000000 --keep FOLDER`` makes a larger one, in a quarter of an hour and 6 GB, and
leaves it for the next time. See README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import EntryPoint
from itertools import islice
from pathlib import Path
from typing import Final

from printed import show

from facegate import Billed, Image
from facegate.config import Config
from facegate.journal import Journal, open_journal
from facegate.journal.chain import Head, Kind, Record, StoredRecord, chained
from facegate.journal.lookup import Filter
from facegate.journal.record import stamp
from facegate.journal.schema import CONTENT
from facegate.model import Decision, Operation
from facegate.opening import setup
from facegate.providers.registry import Registry
from facegate.testing.pictures import noise

ALLOWED_MS: Final = 20.0
ALLOWED_MIB: Final = 32.0
"""Growth of the peak of memory while all records are read, that is put down to the database."""
KEY: Final = "a secret of sixteen letters or more"
REGISTRY: Final = Registry([EntryPoint("instant", "instant", "facegate")])
CONFIGURATION: Final = """
[providers.main]
plugin = "instant"
[providers.backup]
plugin = "instant"
[routes.kyc]
failover = ["main", "backup"]
[breaker]
"""
JOURNAL: Final = """
[journal]
url = "sqlite:///{folder}/journal.db"
sync = "{sync}"
subject_key = "a secret of sixteen letters or more"
"""
PROBE, DOCUMENT = Image.of(noise(1)), Image.of(noise(2))
COLUMNS: Final = ("seq", "kind", "at", "content_hash", "hash", "salt", *CONTENT)
NOON: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


def answering(sync: str | None, count: int) -> list[float]:
    """Seconds of each of so many requests."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "facegate.toml"
        text = CONFIGURATION + (JOURNAL.format(folder=folder, sync=sync) if sync else "")
        file.write_text(text, encoding="utf-8")
        seconds = []
        with setup(Config.load(file, {}), REGISTRY, "kyc").blocking() as verifier:
            for number in range(count):
                started = time.perf_counter()
                verifier.compare(PROBE, [DOCUMENT], subject=f"person {number}")
                seconds.append(time.perf_counter() - started)
    return seconds[count // 10 :]


def confirming(count: int = 200) -> float:
    """Seconds that the disk takes to confirm a page, at the median."""
    seconds = []
    with tempfile.TemporaryFile() as file:
        for _ in range(count):
            os.write(file.fileno(), b"-" * 4096)
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def requests(count: int) -> Iterator[Record]:
    """Records of so many requests, half of the records there are: the same ones every time."""
    draw = random.Random(5)  # noqa: S311
    for number in range(count):
        at = stamp(NOON + timedelta(seconds=number / 2))
        failed = draw.random() < 0.01
        score = draw.random()
        decision = Decision.ACCEPT if score > 0.1 else Decision.REJECT
        shared = {
            "request_id": f"{draw.getrandbits(128):032x}",
            "subject": f"{draw.randrange(count):032x}",
            "route": "kyc" if draw.random() < 0.9 else "login",
            "shadow": False,
            "caller": f"key-{draw.randrange(20)}",
            "operation": str(draw.choice(list(Operation))),
            "configuration": "3f9a1c77e0b2",
            "provider": "main" if draw.random() < 0.95 else "backup",
            "plugin": "instant",
            "plugin_version": "1.0",
            "lineage": "instant",
            "error_code": "ProviderTimeout" if failed else None,
            "seconds": draw.lognormvariate(-1, 0.4),
            "billed": str(Billed.YES),
            "cost": 0.05,
        }
        request = {
            "decision": None if failed else str(decision),
            "match_score": None if failed else score,
            "match_threshold": None if failed else 0.1,
            "attempts": 1,
            "judged_by_caller": False,
            "consent_reference": f"c-{number}",
            "consent_purpose": "opening an account",
        }
        salt = f"{draw.getrandbits(128):032x}"
        yield Record(Kind.REQUEST, at, shared | request, salt)
        yield Record(Kind.ATTEMPT, at, shared | {"number": 1}, salt)


def made(file: Path, count: int) -> None:
    """A journal of so many records with a chain that holds, written past the journal itself."""
    with closing(opened(file)) as journal:
        journal.check()
    marks = ", ".join("?" * len(COLUMNS))
    insert = f"INSERT INTO facegate_records ({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
    with closing(sqlite3.connect(file, isolation_level=None)) as database:
        indices = "SELECT name, sql FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%records%'"
        statements = database.execute(indices).fetchall()
        for name, _ in statements:
            database.execute(f"DROP INDEX {name}")
        database.execute("PRAGMA synchronous = OFF")
        database.execute("PRAGMA cache_size = -1000000")
        end = Head()
        coming = requests(count // 2)
        while some := list(islice(coming, 20_000)):
            stored = list(chained(end, some, None))
            end = Head(stored[-1].seq, stored[-1].hash)
            database.execute("BEGIN")
            database.executemany(insert, map(as_row, stored))
            database.execute("UPDATE facegate_head SET seq = ?, hash = ?", (end.seq, end.hash))
            database.execute("COMMIT")
        for _, statement in statements:
            database.execute(statement)
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def as_row(record: StoredRecord) -> tuple[object, ...]:
    """A record as its row in the table."""
    chain = (record.seq, record.kind, record.at, record.content_hash, record.hash, record.salt)
    return (*chain, *map(record.content.get, CONTENT))


def opened(file: Path) -> Journal:
    """The journal in a file."""
    return open_journal({"url": f"sqlite:///{file}", "subject_key": KEY}, "the benchmark")


def looked_up(journal: Journal) -> Iterator[tuple[str, Callable[[], object]]]:
    """Everything that somebody looks up and waits for, by name."""
    newest = journal.find(limit=1).decisions[0]
    end = newest.at + timedelta(seconds=1)
    middle = NOON + (newest.at - NOON) / 2
    filters = {
        "the newest": Filter(),
        "of one route": Filter(route="login"),
        "of a route that nobody asked": Filter(route="nothing"),
        "of one caller, from the middle": Filter(caller="key-7", until=middle),
        "of a provider, in an hour long ago": Filter(
            provider="backup", since=middle, until=middle + timedelta(hours=1)
        ),
        "of an hour long ago": Filter(since=middle, until=middle + timedelta(hours=1)),
        "up to long ago": Filter(until=NOON + timedelta(hours=1)),
        "rejected ones": Filter(decision=Decision.REJECT),
        "to review, of which there are none": Filter(decision=Decision.REVIEW),
        "of one error": Filter(error="ProviderTimeout"),
        "of one consent": Filter(reference="c-1000"),
        "of one person": Filter(subject="person 7"),
    }
    for name, wanted in filters.items():
        yield f"list: {name}", partial(journal.find, wanted)
    after = newest.seq - 100
    yield "list: what came since", lambda: journal.find(after=after)
    yield "show", lambda: journal.decision(newest.request_id)
    yield "open reviews", journal.cases
    yield "figures of an hour", lambda: journal.provider_figures(end - timedelta(hours=1))


def median_ms(ask: Callable[[], object], times: int = 15) -> float:
    """Milliseconds that it takes, at the median."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - started)
    return 1e3 * statistics.median(seconds)


def peak_mib() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def read_whole(journal: Journal) -> Iterator[tuple[str, float, float]]:
    """What reads every record: its name, its seconds, and by how much it raised the peak."""
    work: dict[str, Callable[[], object]] = {
        "verify": journal.verify,
        "read every request": lambda: sum(1 for _ in journal.rows()),
    }
    for name, run in work.items():
        before, started = peak_mib(), time.perf_counter()
        run()
        yield name, time.perf_counter() - started, peak_mib() - before


def main() -> int:
    """Measure, print, and tell whether it was quick and flat enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=2_000, help="a turn, of three")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where the journal stays")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ways = {"none": None, "background": "background", "before the answer": "before_answer"}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(3):
        for name, sync in ways.items():
            seconds[name] += answering(sync, arguments.calls)
    with tempfile.TemporaryDirectory() as folder:
        file = (arguments.keep or Path(folder)) / f"journal-{arguments.records}.db"
        if not file.exists():
            made(file, arguments.records)
        with closing(opened(file)) as journal:
            queries = {name: median_ms(ask) for name, ask in looked_up(journal)}
            whole = list(read_whole(journal))
    if arguments.json:
        figures = {"seconds": seconds, "queries_ms": queries, "whole": whole}
        print(json.dumps({**figures, "confirming_ms": 1e3 * confirming()}))
    else:
        report(seconds, queries, whole, arguments)
    waited_for = ("list", "show")
    slow = [
        name
        for name, spent in queries.items()
        if spent > ALLOWED_MS and name.startswith(waited_for)
    ]
    grown = [name for name, _, growth in whole if growth > ALLOWED_MIB]
    for name in (*slow, *grown):
        print(f"{name}: too much", file=sys.stderr)
    return int(bool(slow or grown))


def report(
    seconds: dict[str, list[float]],
    queries: dict[str, float],
    whole: list[tuple[str, float, float]],
    arguments: argparse.Namespace,
) -> None:
    """Print the tables."""
    plain = statistics.median(seconds["none"])
    rows = []
    for name, each in seconds.items():
        added = 1e3 * (statistics.median(each) - plain)
        p99 = 1e3 * statistics.quantiles(each, n=100)[-1]
        rows.append((name, f"{1e3 * statistics.median(each):.2f}", f"{added:+.2f}", f"{p99:.2f}"))
    show(("journal", "median, ms", "added, ms", "p99, ms"), rows, markdown=arguments.markdown)
    print(f"The disk confirms a page in {1e3 * confirming():.2f} ms.")
    print(f"In a journal of {arguments.records:,} records:")
    spent = [(name, f"{each:.1f}") for name, each in queries.items()]
    show(("looked up", "median, ms"), spent, markdown=arguments.markdown)
    read = [(name, f"{took:.0f}", f"{growth:+.0f}") for name, took, growth in whole]
    show(("all of it", "seconds", "peak, MiB"), read, markdown=arguments.markdown)


if __name__ == "__main__":
    sys.exit(main())
