"""What grows with what is kept: records, rows, people of a sample, canaries; for ``growth.py``."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import journal
import numpy as np
from batch import prepared
from evaluation import crossed
from numpy.typing import NDArray
from sentinel_runs import evidence
from used import used

from facegate.batch.job import Order
from facegate.batch.run import run
from facegate.calibration import Key
from facegate.evaluation.calibrating import About, calibration
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.scores import Scores
from facegate.journal.chain import Record
from facegate.journal.record import stamp
from facegate.model import Decision, Scale
from facegate.sentinel.judging import Period
from facegate.sentinel.round import Part, Round, Seen
from facegate.trial.trial import Trial

Figures = dict[str, float]
"""What was measured, by its name and unit."""

CANARIES, QUIET, FALSE_ALARM_EVERY, WAITED, RUNS = 30, 60, 1_000, 60, 40
"""Of a sentinel: canaries; rounds before a change; rounds from one false alarm to the next; rounds
that an alarm is waited for; and how often a change is made."""
PLUGIN: Final = "made up"


def records(count: int) -> Figures:
    """A journal of so many records, half of them requests."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "journal.db"
        journal.made(file, count)
        with closing(journal.opened(file)) as kept:
            asked = {name: journal.median_ms(ask, 7) for name, ask in journal.looked_up(kept)}
            coming = [new(100) for _ in range(15)]
            told = {
                "slowest list, ms": max(ms for name, ms in asked.items() if "list" in name),
                "show, ms": asked["show"],
                "append of 100, ms": journal.median_ms(lambda: kept.store.append(coming.pop())),
                "disk, bytes a record": file.stat().st_size / count,
            }
            with used() as report:
                Trial.of("kyc", kept.rows("kyc"))
            with used() as verified:
                kept.verify()
    return {
        **told,
        "trial report, s": report.seconds,
        "report, MiB": report.mib,
        "verify, s": verified.seconds,
        "verify, MiB": verified.mib,
    }


def new(count: int) -> list[Record]:
    """Records of requests that come in now."""
    coming, at = journal.requests(count), stamp(datetime.now(UTC))
    return [
        Record(each.kind, at, {**each.content, "request_id": f"{random.getrandbits(128):032x}"})
        for _, each in zip(range(count), coming, strict=False)
    ]


def rows(count: int) -> Figures:
    """A batch of so many rows, whose provider answers at once."""
    with TemporaryDirectory() as folder:
        there = Path(folder)
        prepared(there, count, 40, billed=False)
        sys.path.insert(0, folder)  # where its plugin is
        order = Order(
            files=[there / "pairs.csv"], out=there / "job", config=str(there / "facegate.toml")
        )
        with used() as asked:
            run(order)
        with used() as again:
            run(order)
    return {
        "rows a second": count / asked.seconds,
        "CPU, ms a row": 1e3 * asked.cpu_s / count,
        "MiB": asked.mib,
        "finding that all is done, s": again.seconds,
    }


def calibrated(people: int) -> Figures:
    """A calibration on all pairs of so many people."""
    key = Key(plugin=PLUGIN, lineage=PLUGIN, match=Scale(name="normal", low=-20, high=20))
    about = About(key, "the benchmark", "made-up people", date(2026, 1, 1))
    return _of_pairs(people, lambda scores: calibration(scores, about))


def evaluated(people: int) -> Figures:
    """An evaluation of all pairs of so many people."""
    return _of_pairs(people, Evaluation.of)


def _of_pairs(people: int, work: Callable[[Scores], object]) -> Figures:
    scores = crossed(people, effect=0.3)
    with used() as spent:
        work(scores)
    pairs = len(scores.impostor)
    return {
        "pairs": pairs,
        "seconds": spent.seconds,
        "µs a pair": 1e6 * spent.seconds / pairs,
        "MiB": spent.mib,
    }


def canaries(count: int) -> Figures:
    """A sentinel with so many canaries, of a provider whose scores are noisy."""
    return watched(QUIET, count)


def rounds(count: int) -> Figures:
    """A sentinel that was at work for so many rounds, with 30 canaries."""
    return watched(count, CANARIES)


def watched(quiet: int, count: int) -> Figures:
    """Judging one round more after so many, and finding that scores moved by one deviation."""
    draw = random.Random(1)  # noqa: S311
    parts = [Part.BASELINE, Part.BASELINE, *[Part.WATCH] * quiet]
    period = Period([noisy(draw, count, each) for each in parts])
    latest = noisy(draw, count, Part.WATCH)
    with used() as spent:
        period.judge(latest, FALSE_ALARM_EVERY, draw.random)
    told = {"judging a round, ms": 1e3 * spent.seconds, "MiB": spent.mib}
    for name, shared in (("own noise", 0.0), ("half of it shared", 0.5)):
        delays = detection(quiet, count, shared)
        told[f"rounds to find it, {name}"] = float(np.median(delays))
        told[f"found, {name}"] = float(np.isfinite(delays).mean())
    return told


def noisy(draw: random.Random, count: int, part: Part) -> Round:
    """A round of a provider whose model stays the same."""
    key = Key(plugin=PLUGIN, lineage=PLUGIN)
    seen = {f"canary {n}": Seen(draw.gauss(), Decision.ACCEPT) for n in range(count)}
    return Round(part, key, "a digest", (None, None), seen)


def detection(quiet: int, count: int, shared: float) -> NDArray[np.float64]:
    """The rounds from a change to the alarm, in each of some runs; infinite if none in 60.

    Bets begin with the change, so that no evidence of chance helps.

    Args:
        quiet: rounds before the change.
        count: canaries.
        shared: part of the noise's variance that all calls of a round share.
    """
    draw, last = np.random.default_rng(1), quiet + WAITED
    scores = (1 - shared) ** 0.5 * draw.normal(size=(RUNS, count, last))
    scores += shared**0.5 * draw.normal(size=(RUNS, 1, last))
    scores[:, :, quiet:] += 1
    by_rounds, _ = evidence(scores, draw.random((RUNS, 1 + count, last)), quiet)
    reached = by_rounds >= math.log(FALSE_ALARM_EVERY)
    return np.where(reached.any(axis=-1), 1.0 + reached.argmax(axis=-1), math.inf)
