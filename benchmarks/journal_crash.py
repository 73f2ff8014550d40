"""Does the journal lose what it acknowledged? A process that verifies is killed, again and again.

``python benchmarks/journal_crash.py`` lets a process answer requests on eight threads, reads the id
of each from it once its caller has the answer, and kills it with SIGKILL at a random moment, fifty
times for each rule of durability. After each kill the journal is opened again, its chain is
verified, and every id that was read is looked up. It ends with exit code 1 if a chain is broken, or
if anything is lost before an answer.

The machine stays on: what its loss of power would do is not measured. POSIX only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

import facegate
from facegate.journal import Journal, open_journal
from facegate.testing.fake import FakeProvider
from facegate.testing.pictures import noise

THREADS: Final = 8
LONGEST_S: Final = 0.4
LATE: Final = 0.8
"""Share of the kills that wait for the first answer; the others may come while it is opening."""


@dataclass
class Tally:
    """What became of all runs under one rule.

    Attributes:
        acknowledged: requests whose caller had the answer.
        recorded: requests that the journal holds; more, for some were not yet answered.
        lost: acknowledged and not recorded.
        most_lost: by one kill.
        broken: times that the chain did not hold.
    """

    sync: str
    kills: int = 0
    acknowledged: int = 0
    recorded: int = 0
    lost: int = 0
    most_lost: int = 0
    broken: int = 0


def journal(url: str, sync: str) -> Journal:
    """The journal, as the process that is killed and the one that looks have it."""
    return open_journal({"url": url, "sync": sync}, "the benchmark")


def load(url: str, sync: str, told: int) -> None:
    """Answer requests for ever, and tell the id of each after its answer."""
    probe, document = facegate.Image.of(noise(1)), facegate.Image.of(noise(2))
    verifier = facegate.FaceVerifier(FakeProvider(), recorder=journal(url, sync))

    def ask() -> None:
        while True:
            result = verifier.compare(probe, document, subject="user-81")
            os.write(told, f"{result.request_id}\n".encode())

    for _ in range(THREADS):
        threading.Thread(target=ask).start()


def killed(url: str, sync: str) -> list[str]:
    """Let a process answer until it is killed; gives the ids that it told."""
    heard, told = os.pipe()
    child = os.fork()
    if not child:
        os.close(heard)
        load(url, sync, told)
        signal.pause()
    os.close(told)
    lines: list[bytes] = []
    answering = threading.Event()

    def read() -> None:
        for line in pipe:
            lines.append(line)
            answering.set()

    with os.fdopen(heard, "rb") as pipe:
        reader = threading.Thread(target=read)
        reader.start()
        if random.random() < LATE:  # noqa: S311  no secret
            answering.wait(30)
        time.sleep(random.uniform(0, LONGEST_S))  # noqa: S311  no secret
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        reader.join()
    return [line.decode().strip() for line in lines if line.endswith(b"\n")]


def run(url: str, sync: str, times: int) -> Tally:
    """Kill and look, so many times, on one database."""
    tally = Tally(sync)
    for _ in range(times):
        acknowledged = killed(url, sync)
        opened = journal(url, sync)
        recorded = {row.request_id for row in opened.rows()}
        lost = sum(each not in recorded for each in acknowledged)
        tally.kills += 1
        tally.acknowledged += len(acknowledged)
        tally.recorded = len(recorded)
        tally.lost += lost
        tally.most_lost = max(tally.most_lost, lost)
        tally.broken += bool(opened.verify().problems)
        opened.close()
    return tally


def show(tallies: Sequence[Tally]) -> None:
    """Print a table."""
    table = Table("sync", "kills", "acknowledged", "lost", "most by one kill", "broken chains")
    for each in tallies:
        counts = (each.kills, each.acknowledged, each.lost, each.most_lost, each.broken)
        table.add_row(each.sync, *(f"{number:,}" for number in counts))
    Console().print(table)


def main() -> int:
    """Run, print, and tell whether the journal keeps its promise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50)
    parser.add_argument("--sync", choices=["before_answer", "background"], action="append")
    parser.add_argument("--url", help="an empty database; SQLite in a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    tallies = []
    for sync in arguments.sync or ("before_answer", "background"):
        with tempfile.TemporaryDirectory() as folder:
            url = arguments.url or f"sqlite:///{folder}/journal.db"
            tallies.append(run(url, sync, arguments.times))
    if arguments.json:
        print(json.dumps([asdict(each) for each in tallies], indent=2))
    else:
        show(tallies)
    return int(any(t.broken or (t.lost and t.sync == "before_answer") for t in tallies))


if __name__ == "__main__":
    sys.exit(main())
