"""``facegate serve --workers``: several processes on one socket, and a parent that minds them."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme_api import question
from facegate import ConfigurationError
from facegate.cli import options
from facegate.config import Config
from facegate.gateway.reloading import fit_for, refuse_split_limits
from facegate.opening import setup
from facegate.providers.registry import Registry
from installed import Site
from service import process, url_in

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no fork"),
]

PLUGIN = f"""
import sys
sys.path.append({str(Path(__file__).parent)!r})
import os
from dataclasses import replace
from pathlib import Path
from acme import INFO, SAME
from facegate.plugin import *

class Settings(ProviderSettings):
    word: str = ""
    held_by: str = ""

class Vendor(BlockingProvider[Settings]):
    settings_type = Settings
    info = replace(INFO, embedded=True)

    def compare(self, request):
        if self.settings.held_by:
            print("working\\n", end="", flush=True)
            Path(self.settings.held_by).read_text()
        return replace(SAME, vendor_reference=f"{{os.getpid()}} {{self.settings.word}}")

@hookimpl
def facegate_providers():
    return [Vendor]
"""


class Running:
    """A service of several workers.

    Attributes:
        process: the parent.
        url: where it serves.
        asked: number of questions that :meth:`until` has asked.
    """

    def __init__(self, process: Any, said: list[str], folder: Path) -> None:
        self.process, self.url, self._folder = process, url_in(said), folder
        self.asked = 0

    def told(self, text: str) -> str:
        """The next line of the log that has this in it."""
        lines: Iterator[str] = self.process.stderr
        return next(line for line in lines if re.search(text, line))

    def started(self) -> int:
        """The process id of the next worker that is told of."""
        return int(self.told("worker . is process").split()[-1])

    def ask(self) -> tuple[int, str]:
        """Who answers a question, and the word that is configured there."""
        answer = httpx.post(f"{self.url}/v1/compare", json=question(), timeout=60).json()
        pid, _, word = answer["vendor_reference"].partition(" ")
        return int(pid), word

    def until(self, enough: Callable[[set[tuple[int, str]]], bool]) -> set[tuple[int, str]]:
        """Who answered, asked by several at once until that is enough."""
        found: set[tuple[int, str]] = set()
        with ThreadPoolExecutor(8) as pool:
            while not enough(found):
                self.asked += 16
                found |= set(pool.map(lambda _: self.ask(), range(16)))
        return found

    def counted(self) -> float:
        """The requests that the metrics tell of, as whichever worker takes it tells them."""
        text = httpx.get(f"{self.url}/metrics", timeout=60).text
        (line,) = (each for each in text.splitlines() if each.startswith("facegate_requests_total"))
        return float(line.split()[-1])

    def ready(self) -> Any:
        return httpx.get(f"{self.url}/readyz", timeout=60).json()

    def is_whole(self) -> None:
        """Wait until all workers serve."""
        while self.ready()["workers"] != {"serving": 2, "of": 2}:
            pass

    def configured(self, lines: str) -> None:
        (self._folder / "facegate.toml").write_text(CONFIGURATION + lines)

    def ends(self, sent: signal.Signals) -> int:
        """The exit code after a signal, once no process of it is left to write a log."""
        self.process.send_signal(sent)
        self.process.communicate(timeout=60)
        code: int = self.process.returncode
        return code


CONFIGURATION = """
    [serve]
    workers = 2
    [serve.api]
    [telemetry]
    prometheus = true
    [providers.main]
    plugin = "acme"
"""

Serving = Callable[..., Any]


@pytest.fixture
def serving(site: Site, tmp_path: Path) -> Serving:
    """Starts a service of two workers."""
    site.install("acme", PLUGIN)

    @contextmanager
    def start(lines: str = "", *arguments: str) -> Iterator[Running]:
        (tmp_path / "facegate.toml").write_text(CONFIGURATION + lines)
        with process(tmp_path, *arguments, FACEGATE_PLUGINS="acme") as (running, said):
            yield Running(running, said, tmp_path)

    return start


def test_all_workers_answer_on_one_port(serving: Serving) -> None:
    with serving() as running:
        workers = {running.started(), running.started()}
        running.is_whole()
        answered = running.until(lambda found: len(found) > 1)
        assert {pid for pid, _ in answered} == workers
        assert running.ends(signal.SIGTERM) == 0


def test_a_worker_that_dies_is_started_again(serving: Serving) -> None:
    with serving() as running:
        first, second = running.started(), running.started()
        running.is_whole()
        os.kill(second, signal.SIGKILL)
        assert f"worker 2 (process {second}) ended by signal 9" in running.told("ended")
        third = running.started()
        running.is_whole()
        answered = running.until(lambda found: len(found) > 1)
        assert {pid for pid, _ in answered} == {first, third}


def test_while_a_worker_is_away_the_other_one_answers(serving: Serving) -> None:
    with serving() as running:
        first, second = running.started(), running.started()
        running.is_whole()
        running.configured("word = 7")
        os.kill(second, signal.SIGKILL)
        assert "in 0.1 s" in running.told("ended by signal")
        assert "in 0.2 s" in running.told("ended with exit code 5")
        assert "in 0.4 s" in running.told("ended with exit code 5")
        assert running.ready() == {
            "ready": True,
            "reasons": [],
            "workers": {"serving": 1, "of": 2},
        }
        assert running.ask() == (first, "")
        running.configured("")
        running.is_whole()


def test_requests_in_work_are_finished_before_the_workers_end(
    serving: Serving, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)  # whoever reads it waits until somebody writes
    with serving(f'held_by = "{gate}"') as running, ThreadPoolExecutor(1) as thread:
        answer = thread.submit(running.ask)
        assert running.process.stdout.readline() == "working\n"
        running.process.send_signal(signal.SIGTERM)
        gate.write_text("go on")
        assert answer.result(60)
        assert running.process.wait(60) == 0


def test_a_hangup_reloads_every_worker(serving: Serving) -> None:
    with serving() as running:
        workers = {running.started(), running.started()}
        running.is_whole()
        running.configured('word = "new"')
        running.process.send_signal(signal.SIGHUP)
        told = {int(running.told("was read again by process").split()[-1]) for _ in workers}
        assert told == workers
        answered = running.until(lambda found: len(found) > 1)
        assert answered == {(worker, "new") for worker in workers}

        running.configured("word = 7")
        running.process.send_signal(signal.SIGHUP)
        for _ in workers:
            assert "main.word: Input should" in running.told("the old one stays")
        assert {word for _, word in running.until(bool)} == {"new"}


def test_every_worker_tells_the_metrics_of_all(serving: Serving) -> None:
    with serving() as running:
        running.started()
        second = running.started()
        running.is_whole()
        running.until(lambda found: len(found) > 1)
        os.kill(second, signal.SIGKILL)
        running.started()
        running.is_whole()
        assert {running.counted() for _ in range(20)} == {running.asked}


def test_what_keeps_the_first_worker_from_serving_ends_all_and_is_told_once(
    serving: Serving,
) -> None:
    with pytest.raises(AssertionError) as told, serving("word = 7"):
        pass
    said = str(told.value)
    assert said.count("main.word: Input should") == 1
    assert "no worker serves; the first one ended with exit code 5" in " ".join(said.split())


def test_ctrl_c_ends_all(serving: Serving) -> None:
    with serving() as running:
        running.is_whole()
        assert running.ends(signal.SIGINT) == options.INTERRUPTED


def test_workers_end_with_their_parent(serving: Serving) -> None:
    with serving() as running:
        running.is_whole()
        assert running.ends(signal.SIGKILL) == -signal.SIGKILL


# Limits of providers, which have to hold over all workers


def configured(folder: Path, lines: str) -> Any:
    file = folder / "facegate.toml"
    file.write_text('[providers.main]\nplugin = "acme"\n' + lines)
    return setup(Config.load(file), Registry())


@pytest.fixture
def _plugin(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.install("acme", PLUGIN)
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: site.found)


@pytest.mark.usefixtures("_plugin")
def test_a_limit_that_each_worker_would_keep_by_itself_is_refused(tmp_path: Path) -> None:
    alone = configured(tmp_path, "[limits.main]\nconcurrency = 2").route
    refuse_split_limits(alone, workers=1)
    with pytest.raises(ConfigurationError, match=r"limits\.main: each of 2 workers would keep"):
        refuse_split_limits(alone, workers=2)


@pytest.mark.usefixtures("_plugin")
def test_a_limit_that_is_kept_together_is_not(tmp_path: Path) -> None:
    lines = '[limits.main]\nconcurrency = 2\nshared = "redis://127.0.0.1"'
    refuse_split_limits(configured(tmp_path, lines).route, workers=2)


@pytest.mark.usefixtures("_plugin")
def test_a_reload_cannot_bring_such_a_limit_in(tmp_path: Path) -> None:
    before = configured(tmp_path, "")
    load = fit_for([], before.load, workers=2)
    configured(tmp_path, "[limits.main]\nrate = '5/second'")
    with pytest.raises(ConfigurationError, match=r"limits\.main"):
        load(None, before.route)
