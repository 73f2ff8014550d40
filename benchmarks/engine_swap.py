"""The embedded engine under a sentinel, while OpenCV is replaced and nothing else is.

The same configuration, canaries and journal, used by ``facegate sentinel`` of two environments.
"""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from environments import RUNNERS, Environments, Failed, Rival

ROOT: Final = Path(__file__).resolve().parent.parent
BEFORE: Final = "4.14.0.94"
AFTER: Final = "5.0.0.93"
MOVED: Final = 0.0039
"""The most that a score may move, on the engine's scale from 0 to 1, to four digits."""
CONFIGURATION: Final = """\
[providers.engine]
plugin = "local"

[journal]
url = "sqlite:///{journal}"

[sentinel]
canaries = "canaries.csv"
providers = ["engine"]
"""


@dataclass(frozen=True)
class Swap:
    """What the sentinel said.

    Attributes:
        canaries: number of pairs.
        quiet: rounds before the swap, as ``facegate sentinel run`` tells of them.
        after: the round after it, and the one that repeats it at once.
    """

    canaries: int
    quiet: Sequence[dict[str, Any]]
    after: Sequence[dict[str, Any]]

    @property
    def moved(self) -> dict[str, Any]:
        """How much the change matters, by the last round."""
        found: dict[str, Any] = self.after[-1]["materiality"] or {}
        return found

    @property
    def goals(self) -> dict[str, bool]:
        """What is held, in words, and whether it was reached."""
        first, second = self.after[0], self.after[-1]
        return {
            f"{len(self.quiet)} rounds without a difference before": not any(
                each["changes"] or each["doubts"] for each in self.quiet
            ),
            "alarm in the first round after": bool(first["changes"]),
            "by the scores alone: another one in the first round": bool(first["doubts"]),
            "which the second confirms": second["part"] == "repeat"
            and set(first["doubts"]) <= set(second["changes"]),
            f"all {self.canaries} scores moved": self.moved.get("moved") == self.canaries,
            f"by at most {MOVED}": round(self.moved.get("largest", 1), 4) <= MOVED,
            "no decision changes": self.moved.get("verdict") == "no decision changes",
        }


def swap(environments: Environments, rounds: int, folder: Path, done: Callable[[], object]) -> Swap:
    """Take a baseline, run rounds, replace OpenCV, and run one more.

    Args:
        environments: where the two are kept.
        rounds: how many before.
        folder: an empty one, for the configuration and the journal.
        done: is told of each step; there are four more than rounds.

    Raises:
        Failed: an environment could not be made, or a command failed.
    """
    before, after = (_engine(version) for version in (BEFORE, AFTER))
    for each in (before, after):
        environments.prepare(each)
        done()
    canaries = _write_canaries(environments, before, folder)
    journal = folder.resolve() / "journal.db"
    (folder / "facegate.toml").write_text(CONFIGURATION.format(journal=journal), "utf-8")
    _sentinel(environments, before, folder, "baseline")
    done()
    for _ in range(rounds):
        _sentinel(environments, before, folder, "run")
        done()
    quiet = _sentinel(environments, before, folder, "status")
    changed = _sentinel(environments, after, folder, "run")
    done()
    return Swap(canaries, quiet, changed[len(quiet) :])


def _engine(version: str) -> Rival:
    """facegate-local with an OpenCV."""
    here = ("-e", f"{ROOT}[cli,journal]", "-e", str(ROOT / "plugins" / "facegate-local"))
    return Rival(f"opencv-{version}", ((*here, f"opencv-python-headless=={version}"),), note="")


def _write_canaries(environments: Environments, host: Rival, folder: Path) -> int:
    """Write the list of canaries, all pairs of the portraits as they are; tells how many."""
    pictures = environments.directory / "pictures"
    environments.run(host, str(RUNNERS / "pictures.py"), str(pictures))
    pairs = json.loads((pictures / "pairs.json").read_text("utf-8"))
    rows = [
        [f"pair-{number}", "genuine" if pair["same"] else "impostor", *pair["files"]]
        for number, pair in enumerate(pairs)
        if pair["kind"] == "original"
    ]
    with (folder / "canaries.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "purpose", "probe", "gallery"], *rows])
    return len(rows)


def _sentinel(
    environments: Environments, engine: Rival, folder: Path, command: str
) -> list[dict[str, Any]]:
    """Run a command of the sentinel, and read the rounds after the baseline."""
    python = environments.python(engine)
    done = subprocess.run(
        [python, "-m", "facegate", "sentinel", command, "-c", "facegate.toml", "--json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        (standing,) = json.loads(done.stdout)
        (period,) = standing["periods"]
    except ValueError:
        raise Failed(f"sentinel {command}: {done.stderr.strip() or done.stdout}") from None
    rounds: list[dict[str, Any]] = period["rounds"]
    return rounds
