"""What a service costs: facegate's own API against a bare route, the engine in process, LiteLLM.

``python benchmarks/service_overhead.py --litellm /path/to/litellm`` asks all of them the same
232 kB, in turn, in one run, by callers in processes of their own. See README.md. Linux only.
"""

from __future__ import annotations

import argparse
import base64
import json
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from callers import photo
from flood import Flood, flood
from printed import show
from rich.progress import track
from served import EMBEDDED, INSTANT, OVER_HTTP, Served, bare, facegate, litellm, stub

import facegate as fg

CALLERS: Final = 8
AT_THE_ENGINE: Final = 2
"""Callers of the embedded engine, which takes a core each."""
PHOTO: Final = 87_000
PORTRAITS: Final = ("person_b_1.jpg", "person_b_2.jpg")
BARE: Final = "a bare route on uvicorn"
OWN: Final = "facegate, a vendor that answers at once"
VENDOR: Final = "facegate, the same over HTTP"
PASSED: Final = "LiteLLM's proxy, the same over HTTP"
ENGINE: Final = "facegate, the embedded engine"
IN_PROCESS: Final = "the embedded engine, called in process"
TWO: Final = "{name}, 2 workers"


@dataclass
class Measured:
    """What was measured of one service, a figure a turn."""

    floods: list[Flood] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(each.rate for each in self.floods)

    def row(self, name: str) -> list[str]:
        medians = [each.median_ms for each in self.floods]
        tails = [each.p99_ms for each in self.floods]
        return [
            name,
            f"{self.rate:.0f}",
            f"{statistics.median(medians):.1f}",
            f"{statistics.median(tails):.1f}",
            f"{statistics.median(self.cpu_ms):.2f}" if self.cpu_ms else "",
        ]


Results = dict[str, Measured]


def body(pictures: Sequence[bytes]) -> bytes:
    """A question as JSON."""
    probe, gallery = (base64.b64encode(picture).decode() for picture in pictures)
    return json.dumps({"probe": probe, "gallery": [gallery]}).encode()


def portraits() -> list[bytes]:
    """Two of those that facegate-local's own store has fetched."""
    folder = Path.home() / ".cache/facegate/models/portraits"
    return [(folder / name).read_bytes() for name in PORTRAITS]


def take_turns(
    services: dict[str, Served],
    message: bytes,
    rounds: int,
    seconds: float,
    results: Results,
    *,
    callers: int = CALLERS,
) -> None:
    """Flood all of them in turn, once each has answered; who is first changes."""
    names = list(services)
    for service in services.values():
        flood(service.url, message, callers, 0.5, **service.headers)
    turns = [names[n % len(names) :] + names[: n % len(names)] for n in range(rounds)]
    for turn in track(turns, "in turn", disable=not sys.stderr.isatty()):
        for name in turn:
            service, measured = services[name], results.setdefault(name, Measured())
            before = service.cpu_s()
            done = flood(service.url, message, callers, seconds, **service.headers)
            measured.floods.append(done)
            measured.cpu_ms.append(1e3 * (service.cpu_s() - before) / done.asked)


def in_process(pictures: Sequence[bytes], seconds: float) -> Flood:
    """The engine asked by as many threads of this process."""
    until: list[float] = []

    def ask(verifier: fg.FaceVerifier) -> list[float]:
        latencies = []
        while (started := time.monotonic()) < until[0]:
            verifier.compare(pictures[0], [pictures[1]])
            latencies.append(time.monotonic() - started)
        return latencies

    with fg.open(plugin="local") as verifier, ThreadPoolExecutor(AT_THE_ENGINE) as threads:
        verifier.compare(pictures[0], [pictures[1]])
        until.append(time.monotonic() + seconds)
        asked = threads.map(ask, [verifier] * AT_THE_ENGINE)
        latencies = [each for one in asked for each in one]
    return Flood(len(latencies) / seconds, latencies, len(latencies))


def measure(rounds: int, seconds: float, command: str | None, results: Results) -> None:
    """Everything but the engine, one worker each; then two."""
    message = body([photo(PHOTO), photo(PHOTO)])
    with ExitStack() as held, stub() as vendor:
        services: dict[str, AbstractContextManager[Served]] = {
            BARE: bare(),
            OWN: facegate(INSTANT),
            VENDOR: facegate(OVER_HTTP.format(stub=vendor)),
        }
        if command:
            services[PASSED] = litellm(command, vendor)
        started = {name: held.enter_context(each) for name, each in services.items()}
        take_turns(started, message, rounds, seconds, results)
    with bare(2) as plain, facegate(INSTANT, workers=2) as own:
        two = {TWO.format(name=BARE): plain, TWO.format(name=OWN): own}
        take_turns(two, message, rounds, seconds, results)


def measure_engine(rounds: int, seconds: float, results: Results) -> None:
    """The engine over HTTP and in process, in turn."""
    pictures = portraits()
    called = results[IN_PROCESS] = Measured()
    with facegate(EMBEDDED) as service:
        for _ in range(rounds):
            before = time.process_time()
            called.floods.append(in_process(pictures, seconds))
            spent = time.process_time() - before
            called.cpu_ms.append(1e3 * spent / called.floods[-1].asked)
            take_turns(
                {ENGINE: service}, body(pictures), 1, seconds, results, callers=AT_THE_ENGINE
            )


def memory() -> Iterator[list[str]]:
    """Memory of each process, once it has answered."""
    cases = (
        ("a vendor that answers at once", INSTANT, body([photo(PHOTO), photo(PHOTO)])),
        ("the embedded engine", EMBEDDED, body(portraits())),
    )
    for name, lines, message in cases:
        for workers in (1, 2):
            with facegate(lines, workers) as service:
                flood(service.url, message, CALLERS, 2.0)
                told = service.memory_mib()
            whole = sum(share for _, share in told)
            each = ", ".join(f"{resident:.0f}" for resident, _ in told)
            yield [f"{name}, {workers}", each, f"{whole:.0f}"]


def ratios(results: Results) -> Iterator[list[str]]:
    """What the figures are held against each other for."""
    pairs = [(OWN, BARE), (ENGINE, IN_PROCESS), (VENDOR, PASSED), (OWN, PASSED)]
    pairs += [(TWO.format(name=each), each) for each in (BARE, OWN)]
    for one, other in pairs:
        if one in results and other in results:
            a, b = results[one], results[other]
            by_cpu = ""
            if a.cpu_ms and b.cpu_ms:
                by_cpu = f"{statistics.median(b.cpu_ms) / statistics.median(a.cpu_ms):.2f}"
            yield [f"{one} / {other}", f"{a.rate / b.rate:.2f}", by_cpu]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", metavar="COMMAND", help="LiteLLM's executable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each flood")
    parser.add_argument("--without-engine", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    results: Results = {}
    measure(given.rounds, given.seconds, given.litellm, results)
    if not given.without_engine:
        measure_engine(given.rounds, 3 * given.seconds, results)
    headings = ("", "a second", "median ms", "p99 ms", "CPU ms each")
    rows = [each.row(name) for name, each in results.items()]
    show(headings, rows, markdown=given.markdown)
    show(("ratio", "of rates", "of CPU"), [*ratios(results)], markdown=given.markdown)
    show(("memory, workers", "MiB of each process", "all"), [*memory()], markdown=given.markdown)


if __name__ == "__main__":
    main()
