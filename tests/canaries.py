"""A vendor that can be changed behind facegate's back, its canaries, and the command."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from drawn import picture
from facegate import ImageFormat
from facegate.cli import main as cli
from facegate.config import Config
from facegate.providers.registry import plugin_versions
from facegate.sentinel.sentinel import Sentinel
from installed import Site

VENDOR = '''
import json
import random
from dataclasses import replace
from pathlib import Path
from facegate.plugin import *

SPEC = ScoreSpec(Scale(name="moody"), threshold=0.5)

class Settings(ProviderSettings):
    says: Path
    mode: str = per_call("FAST", moves_scores=True)
    alone: bool = False

class Moody(FlowProvider[Settings]):
    """Says what a file says, of pictures that it knows by their width."""

    settings_type = Settings
    info = ProviderInfo(
        plugin="moody",
        lineage="moody-1",
        handling=Handling("Moody Ltd", keeps=Kept.NOTHING, enrols=False, searches=False,
                          trains=False, region="eu"),
        formats=frozenset(ImageFormat),
        match=SPEC,
        liveness=SPEC,
    )

    def __init__(self, settings, name=None):
        super().__init__(settings, name)
        if settings.alone:
            self.info = replace(self.info, max_gallery=1)

    @classmethod
    def withheld(cls, settings):
        return frozenset({Operation.LIVENESS}) if settings.alone else frozenset()

    def fingerprint(self):
        return json.loads(self.settings.says.read_text()).get("runtime")

    def _said(self, request):
        yield from ()
        says = json.loads(self.settings.says.read_text())
        with (self.settings.says.parent / "seen").open("a") as file:
            print(hash(request.probe.data), file=file)
        width = str(request.probe.width)
        said = says["of"][width]
        if width in says.get("once", {}):
            said = says["once"].pop(width)
            made = self.settings.says.with_suffix(f".{width}")
            made.write_text(json.dumps(says))
            made.replace(self.settings.says)
        if said == "down":
            raise ProviderUnavailable("closed for the day")
        if said == "refuse":
            raise CaptureRejected("no face", reason=CaptureReason.FACE_NOT_FOUND, image="probe")
        score = said + random.gauss(0, 1) * says.get("noise", 0)
        return score, says

    def compare(self, request):
        score, says = yield from self._said(request)
        if says.get("verdicts"):
            return Answer(Match(is_match=score >= says["verdicts"]), engine=says.get("engine"))
        return Answer(SPEC.match(score, request.threshold), engine=says.get("engine"))

    def liveness(self, request):
        score, says = yield from self._said(request)
        return Answer(liveness=SPEC.liveness(score, request.liveness_threshold))

@hookimpl
def facegate_providers():
    return [Moody]
'''

GENUINE, IMPOSTOR, REFUSED, LIVE = range(100, 104)
"""Widths of the pictures that canaries are told by."""


class Roost:
    """A folder with canaries, a configuration, and a vendor that says what it is told to."""

    def __init__(self, folder: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        site.install("moody", VENDOR)
        plugin_versions.cache_clear()  # an earlier test's do not have it
        self.write(
            {
                "genuine": ("genuine", GENUINE),
                "impostor": ("impostor", IMPOSTOR),
                "refused": ("refused", REFUSED),
                "live": ("live", LIVE),
            }
        )
        self.say()
        self.configure()

    def say(
        self,
        genuine: float | str = 0.52,
        impostor: float | str = 0.48,
        refused: float | str = "refuse",
        live: float | str = 0.9,
        **more: Any,
    ) -> None:
        """What the vendor says of each canary from here on, and whatever else it does.

        ``once`` has what it says of some, by width, the next time alone.
        """
        of = {GENUINE: genuine, IMPOSTOR: impostor, REFUSED: refused, LIVE: live}
        (self.folder / "says.json").write_text(json.dumps({"of": of, **more}))

    def configure(self, sentinel: str = "", provider: str = "", more: str = "") -> None:
        """Write the configuration: settings of the tables, and further ones."""
        (self.folder / "facegate.toml").write_text(
            f"""
            [providers.main]
            plugin = "moody"
            says = "{self.folder / "says.json"}"
            cost = 0.05
            {provider}
            [journal]
            url = "sqlite:///{self.folder / "journal.db"}"
            [sentinel]
            canaries = "canaries.csv"
            providers = ["main"]
            {sentinel}
            {more}
            """
        )

    def write(self, canaries: Mapping[str, tuple[str, int]], **columns: str) -> None:
        """The file of canaries, by id: purpose and the width that the vendor knows them by."""
        with (self.folder / "canaries.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["id", "purpose", "probe", "gallery", *columns])
            for name, (purpose, width) in canaries.items():
                for side, height in (("probe", 90), ("gallery", 80)):
                    drawn = picture(ImageFormat.JPEG, size=(width, height))
                    (self.folder / f"{name}-{side}.jpg").write_bytes(drawn)
                gallery = "" if purpose in ("live", "attack") else f"{name}-gallery.jpg"
                writer.writerow([name, purpose, f"{name}-probe.jpg", gallery, *columns.values()])

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """``facegate sentinel ...``: its exit code, what it printed and said."""
        with pytest.raises(SystemExit) as ended:
            cli.main(["sentinel", *arguments])
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def standing(self) -> dict[str, Any]:
        """How the one provider stands, as a machine reads it."""
        _, out, _ = self.run("status", "--json")
        found: dict[str, Any] = json.loads(out)[0]
        return found

    @property
    def config(self) -> Config:
        """The configuration."""
        return Config.load(self.folder / "facegate.toml", {})

    def opened(self, **how: Any) -> Sentinel:
        """The sentinel; to be closed."""
        return Sentinel(self.config, **how)


def last(roost: Roost) -> Any:
    """The last round of the one provider."""
    return roost.standing()["periods"][-1]["rounds"][-1]


def changed(roost: Roost, **said: Any) -> None:
    """A provider that is known to have changed."""
    roost.run("baseline", "--rounds", "2")
    roost.say(**{"genuine": 0.53, **said})
    assert roost.run("run")[0] == 3
