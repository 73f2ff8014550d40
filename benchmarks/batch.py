"""What a batch costs beside the answers, and what it keeps when it is killed.

``python benchmarks/batch.py rows`` has a provider that answers at once asked so many rows: prints
rows a second of one worker, its peak of memory, and how long it takes to find that all is done.

``python benchmarks/batch.py kills`` kills a job with SIGALRM's default, which ends a process as
SIGKILL does, fifty times at random moments; its vendor writes each call down. Ends with exit code 1
if an answer is lost, a row is asked twice that was not in flight, or the result is not that of an
undisturbed job.

``python benchmarks/batch.py pairs FOLDER`` compares every two pictures of a folder by the embedded
engine: prints the time as a multiple of that of a program that looks at the pictures alone.

Linux only.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import combinations, islice
from pathlib import Path
from typing import Final

import duckdb

from facegate.testing.pictures import noise

PLUGIN: Final = """
import os, signal
from hashlib import sha256
from pathlib import Path
from facegate.plugin import *

SPEC = ScoreSpec(Scale(name="tally"), threshold=0.5)
fate = os.environ.get("DIES_AFTER_S")

class Settings(ProviderSettings):
    calls: Path | None = None

class Tally(FlowProvider[Settings]):
    settings_type = Settings
    info = ProviderInfo(
        plugin="tally", lineage="tally", formats=frozenset(ImageFormat), match=SPEC,
        handling=Handling("here", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        embedded=True, billed=Billed.{billed},
    )

    def compare(self, request):
        global fate
        if fate:
            fate = signal.setitimer(signal.ITIMER_REAL, float(fate)) and None
        if self.settings.calls:
            pictures = (request.probe, *request.gallery)
            names = (sha256(each.data).hexdigest()[:12] for each in pictures)
            file = os.open(self.settings.calls, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(file, " ".join(names).encode() + b"\\n")
            os.close(file)
        yield from sleep(0.003) if self.settings.calls else ()
        return Answer(SPEC.match(request.probe.data[-20] / 255, request.threshold))

@hookimpl
def facegate_providers():
    return [Tally]
"""


LOOK: Final = """
import csv, os
from concurrent.futures import ThreadPoolExecutor
from facegate import Image
from facegate.config import Config
from facegate.providers.registry import Registry

engine = Config.load("facegate.toml").provider(Registry())
files = [row["image"] for row in csv.DictReader(open("pairs.csv"))]
with ThreadPoolExecutor(os.cpu_count()) as threads:
    list(threads.map(lambda file: engine.template(Image.of(file)), files))
"""
"""A program that looks at all pictures, and compares none."""


def prepared(folder: Path, rows: int, pictures: int, *, billed: bool) -> None:
    """A folder with a plugin, a configuration, pictures and a file of pairs."""
    (folder / "tally.py").write_text(PLUGIN.replace("{billed}", "YES" if billed else "NO"))
    about = folder / "tally-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: tally\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[facegate]\ntally = tally\n")
    calls = f"calls = '{folder}/calls'\ncost = 0.05\n" if billed else ""
    (folder / "facegate.toml").write_text(f"[providers.main]\nplugin = 'tally'\n{calls}")
    for number in range(pictures):
        (folder / f"{number}.png").write_bytes(noise(number))
    with (folder / "pairs.csv").open("w") as file:
        file.write("probe,gallery,note\n")
        pairs = list(islice(combinations(range(pictures), 2), rows))
        for row in range(rows):
            one, other = pairs[row % len(pairs)]
            file.write(f"{one}.png,{other}.png,row {row}\n")


def batch(folder: Path, *arguments: str, dies_after_s: float | None = None) -> tuple[int, float]:
    """``facegate batch run`` in a process of its own: its exit code, and seconds."""
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    if dies_after_s is not None:
        environ["DIES_AFTER_S"] = str(dies_after_s)
    command = [sys.executable, "-m", "facegate", "batch", "run", "pairs.csv", *arguments]
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environ, check=False, stdout=subprocess.DEVNULL, timeout=7200
    )
    return done.returncode, time.perf_counter() - began


def rows(folder: Path, count: int) -> bool:
    """Rows a second, memory, and the time of a second run."""
    prepared(folder, count, 40, billed=False)
    _, start = batch(folder, "--out", "empty", "--dry-run")
    code, seconds = batch(folder, "--out", "job")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    again, resumed = batch(folder, "--out", "job")
    print(f"{count:,} rows in {seconds:.1f} s: {count / seconds:,.0f} rows/s, all included")
    print(f"peak {peak:.0f} MiB; a dry run takes {start:.1f} s, a second run {resumed:.1f} s")
    return code == again == 0


def kills(folder: Path, times: int) -> bool:
    """What kills at random moments leave behind."""
    count, at_once = 5_000, 20
    prepared(folder, count, 101, billed=True)
    options = ("--at-once", str(at_once), "--chunk", "500")
    batch(folder, *options, "--out", "undisturbed")
    (folder / "calls").unlink()
    killed = 0
    for _ in range(times):
        code, _ = batch(folder, *options, "--out", "job", dies_after_s=random.uniform(0, 0.25))  # noqa: S311
        killed += code != 0
    code, _ = batch(folder, *options, "--out", "job")
    calls = Counter((folder / "calls").read_text().splitlines())
    twice, lost = calls.total() - len(calls), count - len(calls)
    same = answers(folder / "job") == answers(folder / "undisturbed")
    most = killed * at_once
    print(f"{killed} kills, {count:,} rows: {lost} lost, {twice} asked twice (at most {most})")
    print(f"the result is{'' if same else ' NOT'} that of an undisturbed job")
    return code == lost == 0 and same and twice <= most


def answers(job: Path) -> list[tuple[object, ...]]:
    """All of a result that does not depend on the moment."""
    parts = duckdb.read_parquet(str(job / "parts" / "*.parquet")).order("row")
    return parts.project("* EXCLUDE (seconds, request_id)").fetchall()


def pairs(folder: Path, pictures: Path) -> bool:
    """All pairs by templates, in multiples of looking at the pictures."""
    files = sorted(each for each in pictures.absolute().iterdir() if each.is_file())
    (folder / "facegate.toml").write_text("[providers.main]\nplugin = 'local'\npull = false\n")
    (folder / "pairs.csv").write_text("\n".join(["image", *map(str, files)]))
    looked, whole = [], []
    for turn in range(3):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", LOOK], cwd=folder, check=True)
        looked.append(time.perf_counter() - began)
        code, seconds = batch(folder, "--all-pairs", "--out", f"job{turn}")
        whole.append(seconds)
    times = sorted(job / look for job, look in zip(whole, looked, strict=True))
    print(
        f"{len(files)} pictures: looking at them {min(looked):.1f} s, all pairs {min(whole):.1f} s"
    )
    low, middle, high = times
    print(f"the whole command takes {middle:.2f} times looking ({low:.2f} to {high:.2f})")
    return code == 0


def main() -> int:
    """Run one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["rows", "kills", "pairs"])
    parser.add_argument("pictures", nargs="?", type=Path)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--times", type=int, default=50)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        match arguments.what:
            case "rows":
                good = rows(folder, arguments.rows)
            case "kills":
                good = kills(folder, arguments.times)
            case _:
                good = pairs(folder, arguments.pictures)
    finally:
        shutil.rmtree(folder)
    return not good


if __name__ == "__main__":
    sys.exit(main())
