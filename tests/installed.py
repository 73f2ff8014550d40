"""Distributions that hold plugins, written to a folder on the path as pip would have."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

import pytest

PROVIDER = """
from facegate.plugin import *

class Settings(ProviderSettings):
    token: SecretStr | None = None
    region: str = "eu"

class Vendor(BlockingProvider[Settings]):
    settings_type = Settings
    info = ProviderInfo(
        plugin={name!r},
        lineage="none",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset(ImageFormat),
        match=ScoreSpec(Scale(name="vendor"), 0.7, rates=Rates(thresholds={{1e-4: 0.8}}, by="it")),
        embedded={embedded},
    )

    def compare(self, request):
        return Answer(Match(is_match=True))

@hookimpl
def facegate_providers():
    return [Vendor]
"""


class Site:
    """A folder that packages are installed into."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch
        monkeypatch.syspath_prepend(folder)

    def install(self, plugin: str, code: str, distribution: str | None = None) -> str:
        """Install a plugin; gives the name of its module, which nobody has imported yet."""
        distribution = distribution or f"facegate-{plugin}"
        escaped = distribution.replace("-", "_")  # the folder's name ends where its first dash is
        module = f"fake_{escaped}"
        (self._folder / f"{module}.py").write_text(code)
        metadata = self._folder / f"{escaped}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[facegate]\n{plugin} = {module}\n")
        self._monkeypatch.delitem(sys.modules, module, raising=False)
        return module

    def install_vendor(
        self, plugin: str, distribution: str | None = None, *, embedded: bool = False
    ) -> str:
        """Install a plugin that works."""
        code = "from pydantic import SecretStr\n" + PROVIDER.format(name=plugin, embedded=embedded)
        return self.install(plugin, code, distribution)

    @property
    def found(self) -> list[EntryPoint]:
        """The entry points of what was installed here, and of nothing else."""
        return [
            entry
            for distribution in distributions(path=[str(self._folder)])
            for entry in distribution.entry_points
        ]
