"""What the README tells, from end to end: a vendor is killed, and a trial comes to an end."""

from __future__ import annotations

import html
import json
import random
import sys
import types
from contextlib import AbstractContextManager, ExitStack
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

import facegate
from acme import DOCUMENT, PROBE
from facegate import AsyncFaceVerifier, Billed, Image, ImageFormat
from facegate.cli import main as cli
from facegate.cli import options
from facegate.gateway import create_app, serving
from facegate.plugin import (
    Answer,
    CompareRequest,
    Flow,
    FlowProvider,
    Handling,
    Kept,
    ProviderInfo,
    ProviderSettings,
    Scale,
    ScoreSpec,
    hookimpl,
)
from facegate.providers.registry import Registry
from facegate.testing import FakeProvider
from loopback import port, refused

pytestmark = pytest.mark.slow

KEY = "key-of-32-letters-or-more-4a7d1e90c3b85f26"

TWO_VENDORS = f"""
default = "kyc"

[providers.main]
plugin = "opencv_cloud"
base_url = "{{main}}"
api_key = "{KEY}"

[providers.backup]
plugin = "verifik"
base_url = "{{backup}}"
token = "{KEY}"

[routes.kyc]
failover = ["main", "backup"]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def vendor(plugin: str, port: int = 0) -> AbstractContextManager[str]:
    """A vendor's API on loopback, for as long as its context is open."""
    served = Registry().api_type(plugin)
    api = served(served.settings_type(), (KEY,))
    return serving(create_app([api], lambda: AsyncFaceVerifier(FakeProvider())), port=port)


def course(result: facegate.VerificationResult) -> list[tuple[str, str | None]]:
    return [(attempt.provider, attempt.error_code) for attempt in result.attempts]


def test_one_of_two_vendors_is_killed_and_the_answer_still_comes() -> None:
    with ExitStack() as main, vendor("verifik") as backup:
        url = main.enter_context(vendor("opencv_cloud"))
        text = TWO_VENDORS.format(main=url, backup=backup)
        Path("facegate.toml").write_text(text, encoding="utf-8")
        with facegate.open() as verifier:
            answered = verifier.compare(probe=PROBE, gallery=[DOCUMENT])
            assert (answered.accepted, course(answered)) == (True, [("main", None)])

            main.close()
            answered = verifier.compare(probe=PROBE, gallery=[DOCUMENT])
            assert (answered.accepted, answered.provider) == (True, "backup")
            assert course(answered) == [("main", "ConnectionFailed"), ("backup", None)]

            with vendor("opencv_cloud", port(url)):
                answered = verifier.compare(probe=PROBE, gallery=[DOCUMENT])
                assert course(answered) == [("main", None)]


def test_the_command_line_says_who_failed_before(capsys: pytest.CaptureFixture[str]) -> None:
    for name, picture in {"selfie.png": PROBE, "passport.png": DOCUMENT}.items():
        Path(name).write_bytes(picture)
    with vendor("verifik") as backup:
        text = TWO_VENDORS.format(main=refused(), backup=backup)
        Path("facegate.toml").write_text(text, encoding="utf-8")
        with pytest.raises(SystemExit) as left:
            cli.main(["compare", "selfie.png", "passport.png"])
    assert left.value.code == options.ACCEPTED
    assert "main: ConnectionFailed, backup: answered" in capsys.readouterr().out


# A trial

PEOPLE = 3000
MATCH = ScoreSpec(Scale(name="crowd"), threshold=0.5)


class Settings(ProviderSettings):
    accepts: float


class Crowd(FlowProvider[Settings]):
    """Accepts that share of the people, whoever they are."""

    settings_type = Settings
    info = ProviderInfo(
        plugin="crowd",
        lineage="crowd",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset(ImageFormat),
        match=MATCH,
        billed=Billed.NO,
    )

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self._dice = random.Random(name)

    def compare(self, request: CompareRequest[Settings]) -> Flow[Answer]:
        yield from ()
        score = 0.9 if self._dice.random() < self.settings.accepts else 0.1
        return Answer(MATCH.match(score, request.threshold))


@hookimpl
def facegate_providers() -> list[type[Crowd]]:
    return [Crowd]


TRIAL = """
subject_key = "a key of the tests, long enough"

[providers.main]
plugin = "crowd"
accepts = 0.9

[providers.new]
plugin = "crowd"
accepts = {accepts}

[routes.kyc]
split = {{ main = 90, new = 10 }}

[journal]
url = "sqlite:///journal.db"
sync = "background"
"""


@pytest.fixture
def crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs the vendor."""
    module = types.ModuleType("story_crowd")
    module.facegate_providers = facegate_providers  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    installed = [*entry_points(group="facegate"), EntryPoint("crowd", "story_crowd", "facegate")]
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: installed)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


@pytest.mark.slow
@pytest.mark.usefixtures("crowd")
@pytest.mark.parametrize(
    ("accepts", "verdict", "conclusion"),
    [
        (0.7, "differs", "new accepts fewer people than main"),
        (0.9, "unknown", "whether new accepts more or fewer people than main"),
    ],
    ids=["worse", "alike"],
)
def test_a_trial_runs_and_its_report_says_what_is_true(
    accepts: float, verdict: str, conclusion: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("facegate.toml").write_text(TRIAL.format(accepts=accepts), encoding="utf-8")
    pictures = Image.of(PROBE), [Image.of(DOCUMENT)]
    with facegate.open(route="kyc") as verifier:
        for number in range(PEOPLE):
            verifier.compare(*pictures, subject=f"person {number}", request_id=f"r-{number}")

    assert run("ab", "report", "--route", "kyc", "--json", "--html", "report.html") == 0
    told = json.loads(capsys.readouterr().out)
    about = [each for each in told["findings"] if each["about"] == "acceptance"]
    assert [(each["verdict"], each["short"]) for each in about] == [(verdict, conclusion)]
    arms = {arm["name"]: arm["people"] for arm in told["trial"]["arms"]}
    assert sum(arms.values()) == PEOPLE
    assert 240 < arms["new"] < 360

    page = html.unescape(Path("report.html").read_text(encoding="utf-8")).replace("\xa0", " ")
    assert told["headline"] in page
    assert about[0]["text"] in page
    assert "<svg" in page
    assert run("journal", "verify") == 0
