"""Four made-up vendors whose settings say what they answer, and configurations that name them.

``acme`` and ``twin`` are one engine. ``percent`` scores from 0 to 100 and only compares.
``verdict`` says yes or no, and cannot be told a threshold.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from acme import INFO, SCALE
from facegate.config import Config
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareRequest,
    Handling,
    Kept,
    Liveness,
    LivenessRequest,
    Match,
    ProviderSettings,
    ProviderUnavailable,
    Rates,
    Scale,
    ScoreSpec,
    hookimpl,
    per_call,
)
from facegate.providers.registry import Registry
from facegate.routing.route import Route


class Settings(ProviderSettings):
    score: float = 0.85
    down: bool = False
    token: SecretStr | None = None
    mode: str = per_call("FAST", moves_scores=True)


class Acme(BlockingProvider[Settings]):
    info = INFO
    settings_type = Settings

    def compare(self, request: CompareRequest[Settings]) -> Answer:
        if request.settings.down:
            raise ProviderUnavailable("closed for the day")
        score, spec = request.settings.score, self.info.match
        return Answer(spec.match(score, request.threshold) if spec else Match(is_match=True))

    def liveness(self, request: LivenessRequest[Settings]) -> Answer:
        return Answer(liveness=Liveness(passed=True, score=0.9, threshold=0.5, scale=SCALE))


class Twin(Acme):
    info = replace(INFO, plugin="twin")


class Percent(Acme):
    info = replace(
        INFO,
        plugin="percent",
        lineage="percent-3",
        handling=Handling(
            "Percent Ltd", keeps=Kept.PICTURE, enrols=False, searches=False, region="eu"
        ),
        match=ScoreSpec(
            Scale(name="percent", high=100), 70, rates=Rates(thresholds={1e-4: 80}, by="Percent")
        ),
        liveness=None,
    )
    liveness = None  # type: ignore[assignment]


class Verdict(Acme):
    info = replace(INFO, plugin="verdict", lineage="verdict-1", match=None, liveness=None)
    liveness = None  # type: ignore[assignment]


VENDORS = [Acme, Twin, Percent, Verdict]


def entry_points() -> list[EntryPoint]:
    """The four as if they were installed."""
    return [_installed(vendor) for vendor in VENDORS]


def _installed(vendor: type[Acme]) -> EntryPoint:
    module = types.ModuleType(f"configured_{vendor.info.plugin}")

    @hookimpl
    def facegate_providers() -> list[type[Acme]]:
        return [vendor]

    module.facegate_providers = facegate_providers  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    return EntryPoint(vendor.info.plugin, module.__name__, "facegate")


MAIN_AND_BACKUP = """
[providers.main]
plugin = "acme"
deadline_s = 2

[providers.backup]
plugin = "percent"
score = 75
"""


def load(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Config:
    """A configuration of those lines."""
    path = folder / "facegate.toml"
    path.write_text(text, encoding="utf-8")
    return Config.load(path, environ or {})


def route(folder: Path, text: str, name: str | None = None, **environ: str) -> Route:
    """The route that those lines lead to."""
    return load(folder, text, environ).route(Registry(entry_points()), name)


def ways(node: Any) -> Any:
    """What a route is made of, as nested names of classes and providers."""
    parts = [ways(part) for part in node.children()]
    kind = type(node).__name__
    return node.name if kind == "Leaf" else (kind, *parts)
