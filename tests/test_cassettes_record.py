"""Cassettes are written whole or not at all, and nothing is sent that was not agreed to."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import yaml

from acme import DOCUMENT, PROBE, TOKEN, Acme, acme
from facegate import FaceVerifier, Operation, Question
from facegate.cli.main import main
from facegate.testing.cassettes import play_cassette
from facegate.testing.recording import NotRecorded, dictate, record
from installed import Site
from loopback import Server, refused, reply

INSTALLED = "from acme import facegate_providers"

DOCUMENTED = """
source: documentation
origin: Acme, compare page, 200 example
plugin: acme
settings: {base_url: "https://api.acme.example"}
question: {operation: compare, probe: selfie, gallery: [passport], threshold: 0.9}
expected: {decision: accept, match: {score: 0.95}}
interactions:
- response:
    status: {code: 200, message: OK}
    headers: {}
    body: {string: '{"score":   0.95}'}
"""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    return tmp_path / "acme" / "compare.yaml"


@pytest.fixture
def told(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A way to run the command in a folder with a configuration and two pictures."""
    site.install("acme", INSTALLED)
    monkeypatch.chdir(tmp_path)
    Path("selfie.png").write_bytes(PROBE)
    Path("passport.png").write_bytes(DOCUMENT)

    def run(url: str, answer: str = "y\n", *more: str) -> int:
        settings = f'plugin = "acme"\nbase_url = "{url}"\ntoken = "{TOKEN}"\n'
        Path("facegate.toml").write_text(f"[providers.main]\n{settings}")
        monkeypatch.setattr("sys.stdin", io.StringIO(answer))
        pictures = ("--probe", "selfie.png", "--gallery", "passport.png")
        with pytest.raises(SystemExit) as ended:
            main(["record", "--provider", "main", *pictures, *more])
        return int(str(ended.value.code))

    return run


def test_it_says_what_it_will_send_and_asks(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    with Server(reply(200, {"score": 0.93, "live": True})) as server:
        assert told(server.url) == 0
    said = capsys.readouterr().out
    assert f"This sends selfie.png, passport.png\nto Acme at {server.url},\n" in said
    assert "once for each of: compare, liveness.\nEvery answer may be billed" in said
    assert len(server.seen) == 2
    for operation in ("compare", "liveness"):
        path = Path("cassettes/acme") / f"vendor_{operation}.yaml"
        assert "origin: Acme, recorded 20" in path.read_text()
        assert play_cassette(path)["decision"] == "accept"


@pytest.mark.parametrize("answer", ["", "n\n", "\n", "yellow\n"])
def test_without_a_clear_yes_nothing_is_sent(told: Any, answer: str) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        assert told(server.url, answer) == 2
    assert server.connections == 0
    assert not Path("cassettes").exists()


def test_it_can_be_told_which_questions_and_by_whom_they_are_answered(told: Any) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        more = ("--operation", "compare", "--source", "compat", "--origin", "ours", "--yes")
        assert told(server.url, "", *more, "--name", "same", "--out", "there") == 0
    (path,) = Path("there").rglob("*.yaml")
    assert path.name == "same_compare.yaml"
    assert "\nsource: compat\norigin: ours\n" in path.read_text()


def test_it_keeps_a_header_that_says_what_is_meant(told: Any) -> None:
    with Server(reply(200, {"score": 0.93})) as server:
        more = ("--operation", "compare", "--header", "X-Action", "--yes")
        assert told(server.url, "", *more) == 0
    (path,) = Path("cassettes").rglob("*.yaml")
    assert "\nheaders:\n- X-Action\n" in path.read_text()


def test_it_says_why_nothing_was_recorded(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(refused()) == 2
    assert "not recorded: nothing answered: ConnectionFailed" in capsys.readouterr().err


def test_nothing_is_written_where_nothing_answered(tape: Path) -> None:
    with (
        pytest.raises(NotRecorded, match="nothing answered: ConnectionFailed"),
        FaceVerifier(acme(refused())) as verifier,
    ):
        record(verifier, Operation.COMPARE, PROBE, [DOCUMENT], path=tape, origin="a test")
    assert not tape.parent.exists()


class Impatient(FaceVerifier):
    """Is interrupted with the answer in its hands."""

    def ask(self, question: Question) -> Any:
        super().ask(question)
        raise KeyboardInterrupt


def test_an_interrupted_recording_leaves_what_was_there(tape: Path) -> None:
    tape.parent.mkdir()
    tape.write_text("what was there")
    with (
        Server(reply(200, {"score": 0.93})) as server,
        Impatient(acme(server.url)) as verifier,
        pytest.raises(KeyboardInterrupt),
    ):
        record(verifier, Operation.COMPARE, PROBE, [DOCUMENT], path=tape, origin="a test")
    assert len(server.seen) == 1
    assert list(tape.parent.iterdir()) == [tape]
    assert tape.read_text() == "what was there"


def test_so_does_one_that_is_interrupted_while_it_is_written(
    tape: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("facegate.testing.recording.play_cassette", interrupted)
    with (
        Server(reply(200, {"score": 0.93})) as server,
        FaceVerifier(acme(server.url)) as verifier,
        pytest.raises(KeyboardInterrupt),
    ):
        record(verifier, Operation.COMPARE, PROBE, [DOCUMENT], path=tape, origin="a test")
    assert list(tape.parent.iterdir()) == []


def test_a_documented_example_gets_its_request(tape: Path) -> None:
    tape.parent.mkdir()
    tape.write_text(DOCUMENTED)
    dictate(tape, Acme)
    (exchange,) = yaml.safe_load(tape.read_text())["interactions"]
    assert exchange["request"]["uri"] == "https://api.acme.example/v1/compare"
    assert '"minScore": 0.9' in exchange["request"]["body"]
    assert exchange["response"]["body"]["string"] == '{"score":   0.95}'
    play_cassette(tape, Acme)


def test_the_command_does_so_for_all_of_a_folder(
    site: Site, tape: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.install("acme", INSTALLED)
    tape.parent.mkdir()
    tape.write_text(DOCUMENTED)
    with pytest.raises(SystemExit) as ended:
        main(["record", "--documented", str(tape.parents[1])])
    assert not ended.value.code
    assert capsys.readouterr().out == f"written: {tape}\n"
    play_cassette(tape)


@pytest.mark.parametrize(
    "wrong",
    [
        DOCUMENTED.replace("decision: accept", "decision: reject"),
        DOCUMENTED + DOCUMENTED[DOCUMENTED.index("- response") :],
        DOCUMENTED[: DOCUMENTED.index("interactions")] + "interactions: []",
    ],
    ids=["another outcome", "a reply too many", "a reply too few"],
)
def test_one_that_is_not_read_as_it_says_stays_as_it_was(wrong: str, tape: Path) -> None:
    tape.parent.mkdir()
    tape.write_text(wrong)
    with pytest.raises(NotRecorded):
        dictate(tape, Acme)
    assert tape.read_text() == wrong
    assert list(tape.parent.iterdir()) == [tape]
