"""Every cassette is read as its header says, and is what the recorder writes."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import anyio
import pytest

from everybody import OFFERED
from facegate.testing.cassettes import Scenario, cassettes_in, play_cassette, play_cassette_async
from facegate.testing.recording import dictate

CASSETTES = cassettes_in(Path(__file__).parents[1] / "cassettes")
DOCUMENTED = [path for path in CASSETTES if Scenario.load(path).source == "documentation"]


def place(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("path", CASSETTES, ids=place)
def test_it_is_read_as_its_header_says(path: Path) -> None:
    play_cassette(path)


@pytest.mark.parametrize("path", CASSETTES, ids=place)
def test_so_it_is_on_an_event_loop(path: Path) -> None:
    anyio.run(play_cassette_async, path)


@pytest.mark.parametrize("path", DOCUMENTED, ids=place)
def test_a_documented_example_is_as_the_recorder_writes_it(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    dictate(copy)
    assert copy.read_text(encoding="utf-8") == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CASSETTES, ids=place)
def test_it_stands_in_its_plugins_folder_and_holds_no_base64(path: Path) -> None:
    scenario = Scenario.load(path)
    assert path.parent.name == scenario.plugin
    text = re.sub("sha256:[0-9a-f]{64}", "", path.read_text(encoding="utf-8"))
    assert not re.search(r"[A-Za-z0-9+/_-]{64}", text)
    assert scenario.expected


def test_every_provider_behind_http_has_documented_examples() -> None:
    assert {path.parent.name for path in DOCUMENTED} == set(OFFERED) - {"local"}
