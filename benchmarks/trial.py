"""A trial whose truth is known: two made-up vendors, a real route and a real journal.

``python benchmarks/trial.py trial/`` sends four thousand people through a split of 90 to 10 with a
third vendor in the shadow, and leaves a configuration and a journal in the folder. Then::

    cd trial && facegate ab report --html report.html

``--accept``, ``--failed`` and ``--slower`` say how the new vendor truly behaves; the vendor that it
is tried against accepts 90 % and fails 1 %.
"""

from __future__ import annotations

import argparse
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

from facegate import FacegateError
from facegate.config import Config
from facegate.opening import setup
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareRequest,
    Handling,
    ImageFormat,
    Kept,
    ProviderInfo,
    ProviderSettings,
    ProviderUnavailable,
    Scale,
    ScoreSpec,
    hookimpl,
)
from facegate.providers.registry import Registry
from facegate.testing.pictures import noise

CONFIGURATION = """\
default = "kyc"

[providers.main]
plugin = "old"
cost = 0.05

[providers.new]
plugin = "young"
cost = 0.03
accept = {accept}
failed = {failed}
slower = {slower}

[providers.candidate]
plugin = "old"
accept = 0.88

[routes.kyc]
split = {{ main = 90, new = 10 }}
shadow = {{ to = "candidate", sample = 0.2 }}

[journal]
url = "sqlite:///{journal}"
sync = "background"
subject_key = "not a secret: nobody real is in this journal"
"""
MATCH = ScoreSpec(Scale(name="made up"), threshold=0.5)


class Settings(ProviderSettings):
    """How a made-up vendor behaves: chances, and how much longer than usual it takes."""

    accept: float = 0.9
    failed: float = 0.01
    slower: float = 1.0


class Old(BlockingProvider[Settings]):
    """Decides by the dice, and takes some milliseconds for it."""

    settings_type = Settings
    info = ProviderInfo(
        plugin="old",
        lineage="old engine",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset(ImageFormat),
        match=MATCH,
    )

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        settings = request.settings
        time.sleep(0.002 * settings.slower * random.lognormvariate(0, 0.3))
        if random.random() < settings.failed:  # noqa: S311
            raise ProviderUnavailable("out of order")
        accepted = random.random() < settings.accept  # noqa: S311
        return Answer(MATCH.match(0.9 if accepted else 0.2, request.threshold))


class Young(Old):
    """Another engine."""

    info = replace(Old.info, plugin="young", lineage="young engine")


@hookimpl
def facegate_providers() -> list[type[Old]]:
    """Both, as the plugins ``old`` and ``young``."""
    return [Old, Young]


def run(folder: Path, people: int, **truth: float) -> None:
    """Let that many people be verified, each by the vendor on their side of the trial."""
    folder.mkdir(parents=True, exist_ok=True)
    file, journal = folder / "facegate.toml", folder.resolve() / "journal.db"
    file.write_text(CONFIGURATION.format(journal=journal, **truth), encoding="utf-8")
    registry = Registry(EntryPoint(name, __name__, "facegate") for name in ("old", "young"))
    selfie, document = noise(seed=1), noise(seed=2)

    def arrives(number: int) -> None:
        with suppress(FacegateError):
            verifier.compare(selfie, document, subject=f"person {number}")

    with (
        setup(Config.load(file), registry).blocking() as verifier,
        ThreadPoolExecutor(4) as threads,
    ):
        list(threads.map(arrives, range(people)))


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--people", type=int, default=4000)
    parser.add_argument("--accept", type=float, default=0.9)
    parser.add_argument("--failed", type=float, default=0.01)
    parser.add_argument("--slower", type=float, default=1.0)
    given = parser.parse_args()
    run(**vars(given))
    print(f"now: cd {given.folder} && facegate ab report --html report.html")


if __name__ == "__main__":
    main()
