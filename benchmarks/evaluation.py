"""What the evaluator's intervals and thresholds are worth, and what large samples cost it.

::

    python benchmarks/evaluation.py coverage
    python benchmarks/evaluation.py calibration
    python benchmarks/evaluation.py halves FOLDER
    python benchmarks/evaluation.py size

``coverage`` and ``calibration`` make up people whose true error rates are known. ``halves`` reads
the score matrices of NIST's Biometric Scores Set Release 1 from a folder, as
``tests/test_evaluation_published.py`` does, calibrates on one half of the people and counts on the
other. ``size`` evaluates 20 million scores of 6,325 people.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import numpy as np
from scipy.stats import binom, norm

from facegate.evaluation.assured import thresholds_for
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.matrices import score_matrix
from facegate.evaluation.rates import threshold_above, threshold_for
from facegate.evaluation.readers import score_list
from facegate.evaluation.scores import Scores, Trials

SAMPLES = 1000
SPLITS = 200
PAIRS = 20_000_000


def crossed(
    people: int, *, effect: float = 0.0, seed: int = 1, genuine: int = 1, shift: float = 4.0
) -> Scores:
    """All pairs of people once, whose scores are normal with a variance of 1.

    Args:
        people: how many.
        effect: share of the variance that is the people's own, as of a face that resembles many.
        seed: of the draw.
        genuine: genuine pairs of each person.
        shift: how much closer these are.
    """
    draw = np.random.default_rng(seed)
    own = draw.normal(size=people)
    one, two = np.triu_indices(people, 1)
    same = np.repeat(np.arange(people), genuine)
    rest, part = np.sqrt(1 - effect), np.sqrt(effect / 2)
    strangers = part * (own[one] + own[two]) + rest * draw.normal(size=len(one))
    kin = shift + np.sqrt(effect) * own[same] + rest * draw.normal(size=len(same))
    rows = np.arange(len(kin) + len(strangers), dtype=np.int32)
    units = one.astype(np.int32), two.astype(np.int32)
    return Scores(
        "crossed",
        genuine=Trials(kin, rows[: len(kin)], (same.astype(np.int32),)),
        impostor=Trials(strangers, rows[len(kin) :], units),
    )


def coverage() -> None:
    """How often the interval of an FMR holds the true one."""
    print("| people | person effect | FMR | jackknife Wilson | naive Wilson |")
    print("| --- | --- | --- | --- | --- |")
    for truth in (1e-2, 1e-3):
        for people in (200, 500):
            for effect in (0.0, 0.3, 0.6):
                held = np.zeros(2)
                for seed in range(SAMPLES):
                    pairs = crossed(people, effect=effect, seed=seed).impostor
                    rate = pairs.rate(pairs.reaching(float(norm.isf(truth))))
                    spans = (rate.interval or rate.naive, rate.naive)
                    held += [low <= truth <= high for low, high in spans]
                ours, naive = held / SAMPLES
                print(f"| {people} | {effect} | {truth:g} | {ours:.1%} | {naive:.1%} |")


def order_statistic(impostor: Trials, rate: float) -> float:
    """The threshold that keeps a rate with 95 % if pairs are independent (Tong et al. 2018)."""
    errors = int(binom.ppf(0.05, len(impostor), rate)) - 1
    return threshold_above(impostor, max(errors, 0))


def assured(impostor: Trials, rate: float) -> float:
    """The threshold that keeps a rate with 95 %; infinite where there is none."""
    bound = thresholds_for(impostor, rate).bound
    return float("inf") if bound is None else bound


METHODS: dict[str, Callable[[Trials, float], float]] = {
    "point": threshold_for,
    "order statistic": order_statistic,
    "jackknife Wilson": assured,
}


def calibration() -> None:
    """How often a threshold's true FMR is above the one asked for, and by how much."""
    print(f"| people, effect, rate | {' | '.join(METHODS)} |")
    print(f"| --- |{' --- |' * len(METHODS)}")
    for people, effect, rate in (
        (200, 0.0, 1e-3),
        (200, 0.3, 1e-3),
        (200, 0.6, 1e-3),
        (500, 0.3, 1e-3),
        (500, 0.3, 1e-4),
        (500, 0.6, 1e-4),
    ):
        samples = [crossed(people, effect=effect, seed=seed).impostor for seed in range(SAMPLES)]
        cells = []
        for method in METHODS.values():
            true = np.array([norm.sf(method(pairs, rate)) for pairs in samples]) / rate
            cells.append(f"{(true > 1).mean():.0%}, {np.quantile(true, 0.95):.2f}")
        print(f"| {people}, {effect}, {rate:g} | {' | '.join(cells)} |")


def halves(folder: Path) -> None:
    """How often the FMR of other people is above the one that a threshold was chosen for."""
    print(f"| matcher, rate | {' | '.join(METHODS)} |")
    print(f"| --- |{' --- |' * len(METHODS)}")
    for matcher, failed in (("C", -1), ("G", None)):
        scores = score_matrix(folder / f"bssr1_face_{matcher}.csv.xz", failed_score=failed)
        for rate in (1e-2, 1e-3):
            over = np.zeros(len(METHODS))
            for seed in range(SPLITS):
                chosen, counted = (part.impostor for part in scores.split(0.5, seed))
                thresholds = [method(chosen, rate) for method in METHODS.values()]
                over += [counted.reaching(each).mean() > rate for each in thresholds]
            cells = " | ".join(f"{share:.1%}" for share in over / SPLITS)
            print(f"| {matcher}, {rate:g} | {cells} |")


def size() -> None:
    """Seconds and peak memory of an evaluation of a large list, each in a process of its own."""
    with TemporaryDirectory(prefix="facegate-") as folder:
        for name in ("scores.csv", "scores.parquet"):
            path = Path(folder, name)
            write_large(path)
            subprocess.run([sys.executable, __file__, "one", str(path)], check=True)


def write_large(path: Path) -> None:
    """Write a list in which every 200th pair is genuine."""
    people, genuine = 6325, "i % 200 = 0"
    probe = f"(i * 2654435761) % {people}"
    gallery = f"({probe} + CASE WHEN {genuine} THEN 0 ELSE 1 + i % {people - 1} END) % {people}"
    score = f"round(0.3 + CASE WHEN {genuine} THEN 0.3 ELSE 0 END + 0.2 * (random() + random()), 6)"
    with duckdb.connect() as database:
        pairs = database.sql(
            f"SELECT 'person-' || ({probe}) AS probe_subject,"  # noqa: S608
            f" 'person-' || ({gallery}) AS gallery_subject, {genuine} AS genuine, {score} AS score"
            f" FROM range({PAIRS}) AS pairs(i)"
        )
        (pairs.write_csv if path.suffix == ".csv" else pairs.write_parquet)(str(path))


def one(path: Path) -> None:
    """Evaluate one list, and say what it took."""
    started = time.perf_counter()
    scores = score_list(path)
    read = time.perf_counter() - started
    evaluation = Evaluation.of(scores)
    whole = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    pairs = evaluation.genuine + evaluation.impostor
    print(
        f"{path.name}: {pairs:,} scores, read in {read:.1f} s, evaluated in {whole:.1f} s"
        f" ({usage.ru_utime + usage.ru_stime:.1f} s of CPU),"
        f" peak {usage.ru_maxrss * 1024 / 1e6:,.0f} MB"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["coverage", "calibration", "halves", "size", "one"])
    parser.add_argument("path", nargs="?", type=Path)
    given = parser.parse_args()
    match given.what:
        case "coverage":
            coverage()
        case "calibration":
            calibration()
        case "halves":
            halves(given.path)
        case "size":
            size()
        case "one":
            one(given.path)
