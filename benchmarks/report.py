"""What the contest came to: figures, a table for the terminal and one for the docs."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Protocol

from rich.console import RenderableType
from rich.table import Table

Result = dict[str, Any]
Rows = list[list[str]]

SPEED = (
    "engine",
    "ms per pair, as they are: median (p95)",
    "ratio",
    "ms per pair, 250 px: median (p95)",
    "ratio",
    "pairs/s, 2 threads",
    "ratio",
    "cold start, ms",
    "peak MiB, 1 / 2 threads",
)
DECISIONS = (
    "engine",
    "right",
    "wrong",
    "same person refused",
    "stranger accepted",
    "no answer",
)


class Rival(Protocol):
    """What is read of a rival."""

    @property
    def name(self) -> str: ...
    @property
    def note(self) -> str: ...


class Tally(Protocol):
    """What is read of a tally."""

    @property
    def rival(self) -> Rival: ...
    @property
    def problem(self) -> str | None: ...
    @property
    def cold(self) -> Sequence[float]: ...
    @property
    def answers(self) -> dict[int, dict[str, Any]]: ...
    @property
    def ms(self) -> dict[int, list[float]]: ...
    @property
    def threaded(self) -> list[tuple[int, float]]: ...
    @property
    def facts(self) -> dict[str, Any]: ...
    @property
    def peak_threaded_mib(self) -> float: ...


def machine() -> str:
    """The processor and the system, without anything that tells whose they are."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [
            line.split(":", 1)[1].strip()
            for line in info.read_text("utf-8").splitlines()
            if line.startswith("model name")
        ]
        cpu = models[0] if models else cpu
    return f"2 cores of {cpu}, {platform.system()}, Python {platform.python_version()}"


def decided_by_all(tallies: Sequence[Tally]) -> list[int]:
    """The pairs that every rival taking part gave a decision on."""
    deciding = [
        {index for index, answer in tally.answers.items() if answer["same"] is not None}
        for tally in tallies
        if tally.answers
    ]
    return sorted(set.intersection(*deciding)) if deciding else []


def summary(tallies: Sequence[Tally], pairs: Sequence[dict[str, Any]]) -> Result:
    """Every figure, ready for JSON."""
    same = sum(pair["same"] for pair in pairs)
    shared = decided_by_all(tallies)
    return {
        "pairs": len(pairs),
        "same": same,
        "different": len(pairs) - same,
        "timed": len(shared),
        "rivals": [_figures(tally, pairs, shared) for tally in tallies],
    }


def _figures(tally: Tally, pairs: Sequence[dict[str, Any]], shared: Sequence[int]) -> Result:
    figures: Result = {"name": tally.rival.name, "note": tally.rival.note, "problem": tally.problem}
    figures |= tally.facts | {"peak_mib_2_threads": tally.peak_threaded_mib}
    if tally.cold:
        figures["cold_ms"] = median(tally.cold)
    for size in ("original", "small"):
        values = [
            each
            for index in shared
            if (pairs[index]["kind"] == "original") == (size == "original")
            for each in tally.ms[index]
        ]
        if len(values) > 1:
            p95 = quantiles(values, n=20, method="inclusive")[-1]
            figures[size] = {"median_ms": median(values), "p95_ms": p95, "calls": len(values)}
    if tally.threaded:
        done, seconds = (sum(column) for column in zip(*tally.threaded, strict=True))
        figures["pairs_per_s"] = done / seconds
    return figures | _decisions(tally, pairs)


def _decisions(tally: Tally, pairs: Sequence[dict[str, Any]]) -> Result:
    counts = {"right": 0, "same_refused": 0, "stranger_accepted": 0, "no_answer": 0}
    amiss = []
    for index, answer in sorted(tally.answers.items()):
        pair = pairs[index]
        if answer["same"] is None:
            outcome = "no_answer"
        elif answer["same"] == pair["same"]:
            outcome = "right"
        else:
            outcome = "same_refused" if pair["same"] else "stranger_accepted"
        counts[outcome] += 1
        if outcome != "right":
            names = [Path(each).stem for each in pair["files"]]
            amiss.append({"pair": names, "outcome": outcome, **answer})
    return {**counts, "amiss": amiss}


def _speed_rows(result: Result) -> Rows:
    ours = result["rivals"][0]
    rows = []
    for one in result["rivals"]:
        cells = [_name(one)]
        for size in ("original", "small"):
            cells += [_milliseconds(one.get(size)), _ratio(_median(one, size), _median(ours, size))]
        rate = one.get("pairs_per_s")
        cells += [f"{rate:.1f}" if rate else "-", _ratio(rate, ours.get("pairs_per_s"))]
        cells.append(f"{one['cold_ms']:.0f}" if "cold_ms" in one else "-")
        peaks = (one.get("peak_mib"), one["peak_mib_2_threads"])
        cells.append(" / ".join(f"{peak:.0f}" if peak else "-" for peak in peaks))
        rows.append(cells)
    return rows


def _decision_rows(result: Result) -> Rows:
    columns = ("right", "wrong", "same_refused", "stranger_accepted", "no_answer")
    rows = []
    for one in result["rivals"]:
        wrong = {"wrong": one["same_refused"] + one["stranger_accepted"]}
        asked = any(one[column] for column in columns if column != "wrong")
        cells = (str((one | wrong)[column]) if asked else "-" for column in columns)
        rows.append([_name(one), *cells])
    return rows


def _name(figures: Result) -> str:
    return f"{figures['name']} {figures.get('version', '')}".strip()


def _median(figures: Result, size: str) -> float | None:
    value: float | None = figures.get(size, {}).get("median_ms")
    return value


def _milliseconds(timing: Result | None) -> str:
    return f"{timing['median_ms']:.1f} ({timing['p95_ms']:.1f})" if timing else "-"


def _ratio(value: float | None, ours: float | None) -> str:
    return f"{value / ours:.2f}" if value and ours else "-"


def _caption(result: Result) -> Iterator[str]:
    if result["quick"]:
        yield "A quick look: too few calls to quote."
    yield (
        f"{result['date']}, {result['machine']}. Whole call, from two picture files to the"
        " decision at each engine's own default threshold; the same files for all, in turn, with"
        f" every setting at its default. Every pair asked {result['rounds']} times. Timed are"
        f" the {result['timed']} pairs that every engine gave a decision on, since refusing one can"
        " take less time. Ratios are relative to facegate-local. Cold start: from starting the"
        " process to its first decision, files in the disk cache."
    )
    yield (
        f"{result['pairs']} pairs, {result['same']} of the same person and {result['different']}"
        " of strangers: all pairs of eight portraits, as they are (204 to 747 px wide) and with"
        " the longer side scaled to 250 px; and pairs of which one picture was re-encoded, halved,"
        " turned by 8 degrees, darkened, cropped, mirrored, or three of these at once. A varied"
        " picture is only ever held against another photo. The pairs of the same person all come"
        " from four photos of two people: they show what an engine withstands, and give no error"
        " rate."
    )
    for one in result["rivals"]:
        opencv = one.get("opencv")
        threads = f" OpenCV {opencv}, {one['opencv_threads']} threads." if opencv else ""
        problem = f" **Not measured in full: {one['problem']}.**" if one["problem"] else ""
        yield f"{_name(one)}: {one['note']}{threads}{problem}"


def tables(result: Result) -> Iterator[RenderableType]:
    """For the terminal."""
    for headings, rows in ((SPEED, _speed_rows(result)), (DECISIONS, _decision_rows(result))):
        table = Table(*headings)
        for row in rows:
            table.add_row(*row)
        yield table
    for paragraph in _caption(result):
        yield f"\n{paragraph}".replace("**", "").replace("[", r"\[")


def markdown(result: Result) -> str:
    """For the docs."""
    lines = []
    for headings, rows in ((SPEED, _speed_rows(result)), (DECISIONS, _decision_rows(result))):
        lines += [_row(headings), _row(["---"] + ["---:"] * (len(headings) - 1))]
        lines += [*(_row(row) for row in rows), ""]
    first, second, *notes = [each for each in _caption(result) if not each.startswith("A quick")]
    lines += [first, "", second, "", *(f"- {note}" for note in notes)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
