"""Half an hour of everything at once: whether a service's memory and files stay where they are.

``python benchmarks/soak.py`` puts half of what the service can answer on two workers that keep a
journal, with floods, slow clients and half-open connections beside it. It ends with exit code 1 if
memory or open files grow, or if an answer is lost. See README.md. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import random
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import httpx
from callers import another, photo
from flood import flood
from printed import show
from rich.progress import track
from served import INSTANT, Served, facegate

CALLERS: Final = 4
EVERY_S: Final = 5.0
"""Seconds between two samples."""
IDLE_S: Final = 10.0
"""Seconds after which nothing is kept alive any more."""
FLOODED_EVERY_S, FLOODED_S = 60.0, 2.0
MISBEHAVING: Final = 20
ALLOWED_GROWTH, ALLOWED_MIB = 0.05, 8.0
"""Growth of memory, from the first third to the last one, that is taken for none."""
ALLOWED_FILES: Final = 4
SERVE: Final = "head_timeout_s = 2\nbody_timeout_s = 2\nkeep_alive_s = 5"
JOURNAL: Final = 'url = "sqlite:///{folder}/journal.db"\nsubject_key = "sixteen letters or more"'


@dataclass(frozen=True)
class Sample:
    """The service at one moment.

    Attributes:
        minute: since the start.
        mib: memory of all of its processes.
        files: open file descriptors of all of them.
    """

    minute: float
    mib: float
    files: int

    @classmethod
    def of(cls, service: Served, since: float) -> Sample:
        """Look at the service."""
        mib = sum(share for _, share in service.memory_mib())
        return cls((time.monotonic() - since) / 60, mib, service.files())


def ask(url: str, rate: float, until: float, seed: int) -> Counter[str]:
    """Ask at a steady rate, mostly well; gives how often each status came, or which error."""
    draw = random.Random(seed)  # noqa: S311  the same in every run
    told, probe, gallery, number = Counter[str](), photo(60_000), photo(87_000), 0
    with httpx.Client(timeout=30, trust_env=False) as client:
        due = time.monotonic()
        while due < until:
            time.sleep(max(0.0, due - time.monotonic()))
            due += 1 / rate
            number += 1
            pictures = another(probe, number), another(gallery, number)
            try:
                told[str(_one(client, url, draw.random(), pictures).status_code)] += 1
            except httpx.HTTPError as error:
                told[type(error).__name__] += 1
    return told


def _one(
    client: httpx.Client, url: str, kind: float, pictures: tuple[bytes, bytes]
) -> httpx.Response:
    probe, gallery = pictures
    if kind < 0.5:
        encoded = [base64.b64encode(each).decode() for each in pictures]
        message = {"probe": encoded[0], "gallery": [encoded[1]], "subject": f"person {kind}"}
        return client.post(url, json=message)
    if kind < 0.9:
        return client.post(url, files={"probe": probe, "gallery": gallery})
    if kind < 0.95:
        return client.post(url, json={"probe": "bm8=", "gallery": ["bm8="]})
    return client.post(url, content=b"{" * 1000)


def misbehave(url: str, until: float) -> None:
    """Keep heads and bodies waiting, leave in between, and cut connections."""
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or 0
    starts = (
        b"POST /v1/compare HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ",
        b"POST /v1/compare HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n{",
        b"",
    )
    while time.monotonic() < until:
        with ExitStack() as held:
            for number in range(MISBEHAVING):
                with suppress(OSError):
                    client = held.enter_context(socket.create_connection(address, timeout=5))
                    client.sendall(starts[number % len(starts)])
            time.sleep(3)  # longer than the service waits


def flood_now_and_then(url: str, until: float) -> None:
    """Four times as many callers as there are, at full speed, for a moment."""
    encoded = base64.b64encode(photo(60_000)).decode()
    other = base64.b64encode(photo(60_000)).decode()
    body = json.dumps({"probe": encoded, "gallery": [other]}).encode()
    while time.monotonic() + FLOODED_EVERY_S < until:
        time.sleep(FLOODED_EVERY_S)
        with suppress(Exception):
            flood(url, body, 4 * CALLERS, FLOODED_S)


def soak(service: Served, minutes: float) -> tuple[list[Sample], Counter[str], float]:
    """The samples, what became of the questions, and the rate at which they were asked.

    The first sample and the last one are of a service that has answered and is idle.
    """
    encoded = [base64.b64encode(photo(size)).decode() for size in (60_000, 87_000)]
    body = json.dumps({"probe": encoded[0], "gallery": [encoded[1]]}).encode()
    rate = flood(service.url, body, CALLERS, 5.0).rate / 2
    time.sleep(IDLE_S)
    since = time.monotonic()
    before = Sample.of(service, since)
    until = since + 60 * minutes
    beside = [
        threading.Thread(target=work, args=(service.url, until))
        for work in (misbehave, flood_now_and_then)
    ]
    for each in beside:
        each.start()
    with multiprocessing.get_context("spawn").Pool(CALLERS) as pool:
        asking = pool.map_async(partial(ask, service.url, rate / CALLERS, until), range(CALLERS))
        samples = [*_samples(service, since, until)]
        told = sum(asking.get(), Counter[str]())
    for each in beside:
        each.join()
    time.sleep(IDLE_S)
    return [before, *samples, Sample.of(service, since)], told, rate


def _samples(service: Served, since: float, until: float) -> Iterator[Sample]:
    count = int((until - since) / EVERY_S)
    for _ in track(range(count), "soaking", disable=not sys.stderr.isatty()):
        time.sleep(EVERY_S)
        yield Sample.of(service, since)


def faults(samples: Sequence[Sample], told: Counter[str]) -> Iterator[str]:
    """What is not as it should be."""
    before, after = samples[0], samples[-1]
    third = len(samples) // 3
    first = statistics.median(each.mib for each in samples[third // 2 : third])
    last = statistics.median(each.mib for each in samples[-third:])
    if last - first > max(ALLOWED_MIB, ALLOWED_GROWTH * first):
        yield f"memory grows: {first:.0f} MiB, then {last:.0f}"
    if after.files > before.files + ALLOWED_FILES:
        yield f"files stay open: {before.files}, then {after.files}"
    strange = set(told) - {"200", "400", "422", "503"}
    if strange:
        yield f"strange answers: {', '.join(sorted(strange))}"


def main() -> int:
    """Soak and print; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    tables = {"journal": JOURNAL, "telemetry": "prometheus = true"}
    with facegate(INSTANT, given.workers, SERVE, **tables) as service:
        samples, told, rate = soak(service, given.minutes)
    step = max(1, len(samples) // 12)
    rows = [[f"{each.minute:.1f}", f"{each.mib:.0f}", str(each.files)] for each in samples[::step]]
    show(("minute", "MiB", "files"), rows, markdown=given.markdown)
    print(f"{rate:.0f} a second; {', '.join(f'{n} x {what}' for what, n in told.most_common())}")
    found = [*faults(samples, told)]
    print("flat" if not found else "; ".join(found))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
