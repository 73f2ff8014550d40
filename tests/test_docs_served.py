"""What the pages show of ``facegate serve`` happens when it is done."""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

import facegate
from acme import Scripted
from acme_api import saying
from drawn import picture
from everybody import CLIENTS, OFFERED
from facegate import AsyncFaceVerifier, Image, Operation
from facegate.gateway import Sandbox, create_app, serving
from facegate.plugin import Answer, HttpRequest, Match
from facegate.providers.compat import CompatibleApi
from facegate.providers.registry import Registry
from facegate.question import Question
from facegate.scores import ScoreMapping
from facegate.testing.cases import differences
from facegate.testing.cassettes import Scenario, cassettes_in, play_cassette
from facegate.testing.direct import requests
from pages import blocks, pages_with, portraits

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SHOWN = "http://127.0.0.1:8080"
VENDORS = sorted(CLIENTS)
_ID = re.compile(r"[0-9a-f-]{36}")
"""An id that every reply has anew."""
CURL = """#!{python}
import argparse, sys, httpx

parser = argparse.ArgumentParser()
parser.add_argument("-s", action="store_true")
parser.add_argument("-H", action="append", default=[])
parser.add_argument("-F", action="append", default=[])
parser.add_argument("-d")
parser.add_argument("url")
given = parser.parse_args()
headers = dict(each.split(": ", 1) for each in given.H)
body = given.d and (open(given.d[1:]).read() if given.d.startswith("@") else given.d)
parts = [(name, open(file, "rb")) for name, file in (each.split("=@") for each in given.F)]
method = "POST" if parts or body is not None else "GET"
sent = dict(files=parts) if parts else dict(content=body)
print(httpx.request(method, given.url, headers=headers, trust_env=False, **sent).text)
"""
"""Stands in for curl, which not every machine has; refuses what the pages do not use."""


@pytest.fixture(scope="module")
def tables() -> Any:
    """The tables of the pages, by name."""
    folder = os.fspath(ROOT / "docs" / "_ext")
    sys.path.append(folder)
    yield import_module("tables").TABLES
    sys.path.remove(folder)


@pytest.mark.slow
@pytest.mark.parametrize("page", pages_with("console", "run"))
def test_commands_print_what_the_page_shows(page: str, tmp_path: Path) -> None:
    portraits(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    curl = tmp_path / "bin" / "curl"
    curl.parent.mkdir()
    curl.write_text(CURL.format(python=sys.executable))
    curl.chmod(stat.S_IRWXU)
    path = os.pathsep.join([str(curl.parent), str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path}
    script = "\n".join(text for run, text in blocks(page, "python") if run == "run models")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    with contextlib.ExitStack() as running:
        url, code = SHOWN, 0  # until something is served
        for run, text in blocks(page, "console"):
            for command, shown in _commands(text) if run else ():
                if command.startswith("facegate serve "):
                    running.close()
                    said, url = running.enter_context(_served(command, tmp_path, environ))
                elif command == "echo $?":
                    said = str(code)
                else:
                    said, code = _said(command.replace(SHOWN, url), tmp_path, environ)
                _hold(shown, said.replace(url, SHOWN), command)


def _commands(text: str) -> Iterator[tuple[str, list[str]]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.rstrip("\n").replace("\\\n", "").split("\n")
        yield command, shown


def _said(command: str, folder: Path, environ: dict[str, str]) -> tuple[str, int]:
    """What a command prints, and its exit code: not 0 only where facegate says no, or why not."""
    line = ["bash", "-c", command]
    done = subprocess.run(
        line, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    said = (done.stdout or done.stderr).rstrip("\n")
    assert done.returncode == 0 or re.match(r" [A-Z_]+  ", said), (command, done.stderr)
    return re.sub(r" +$", "", said, flags=re.MULTILINE), done.returncode


@contextlib.contextmanager
def _served(command: str, folder: Path, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A server as the page starts it, on any free port; gives what it says and its URL."""
    line = [sys.executable, "-m", *command.split(), "--port", "0"]
    with subprocess.Popen(
        line, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout
        said = []
        for text in server.stdout:
            said.append(text.rstrip("\n"))
            if text.startswith("  try: curl "):
                break
        try:
            yield "\n".join(said), said[-1].removeprefix("  try: curl ").removesuffix("/healthz")
        finally:
            server.kill()


def _hold(shown: list[str], said: str, command: str) -> None:
    """``...`` stands for anything, as does a time, and a page may leave out what is printed."""
    pattern = re.escape("\n".join(shown)).replace(r"\.\.\.", ".*")
    pattern = re.sub(r"\d+\\ ms\b", r"\\d+\\ ms", pattern)
    assert not shown or re.fullmatch(pattern, said, re.DOTALL), (command, said)


@pytest.mark.parametrize("name", VENDORS)
def test_every_documented_error_can_be_provoked(name: str, tables: Any) -> None:
    head, *rows = tables["sandbox"](name)
    assert head[:2] == ("`error=`", "status")
    with _asking(_api(name), Sandbox()) as client:
        for error, status, said in rows:
            told = _told(client, name, f"error={error.strip('`')}")
            assert str(told.status_code) == status
            sent = json.loads(told.text, object_hook=lambda fields: list(fields.values()))
            texts = [f"`{text}`" for text in _leaves(sent) if not _ID.fullmatch(text)]
            assert said == ", ".join(text for text in texts if text != error)


@pytest.mark.parametrize("plugin", VENDORS)
def test_failures_behind_an_api_are_sent_as_the_page_has_it(plugin: str, tables: Any) -> None:
    told = {row[1]: row[0] for row in tables["failures"](plugin)}
    (quota,) = (sent for kinds, sent in told.items() if "`QuotaExhausted`" in kinds)
    with _asking(_api(plugin), Sandbox()) as client:
        reply = _told(client, plugin, "error=QuotaExhausted")
    status, name = quota.split(" ", 1)
    assert reply.status_code == int(status)
    wanted, said = _api(plugin).errors[name.strip("`")].body, reply.json()
    assert not differences(wanted, said)


def _leaves(body: Any) -> Iterator[str]:
    """The texts of a body, which came without the names of its fields."""
    if isinstance(body, str):
        yield body
    elif isinstance(body, list):
        for each in body:
            yield from _leaves(each)


def _api(name: str) -> CompatibleApi:
    kind = Registry().api_type(name)
    return kind(kind.settings_type())


@contextlib.contextmanager
def _asking(api: CompatibleApi, sandbox: Sandbox) -> Iterator[httpx.Client]:
    nobody = Scripted(saying(Answer(match=Match(is_match=True))))
    app = create_app([api], lambda: AsyncFaceVerifier(nobody), sandbox=sandbox)
    with serving(app) as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        yield client


def _told(client: httpx.Client, name: str, instruction: str) -> httpx.Response:
    """What the API says to a whole request that has an instruction for the sandbox."""
    asked = _whole(name)
    headers = {**asked.headers, "X-Facegate-Sandbox": instruction}
    return client.request(asked.method, asked.target, headers=headers, content=asked.body[0])


@pytest.mark.parametrize("table", ["matrix", "scales", "pictures"])
def test_the_tables_have_every_plugin(table: str, tables: Any) -> None:
    shipped = {
        line.split(" = ")[0]
        for file in ROOT.glob("plugins/*/pyproject.toml")
        for line in re.findall(r'^\w+ = "facegate_\w+"$', file.read_text(), re.MULTILINE)
    }
    assert set(_facts(tables, table)) == shipped == set(OFFERED)
    for name in shipped:
        page = ROOT / "docs" / "providers" / f"{name}.md"
        assert page.is_file()


def test_the_matrix_makes_nothing_up(tables: Any) -> None:
    for name, facts in _facts(tables, "matrix").items():
        kind = Registry().provider_type(name)
        withheld = kind.withheld(kind.settings_type.model_construct())
        for operation in ("compare", "compare_live", "liveness"):
            has = "yes" if operation in kind.capabilities else "no"
            has = "if set" if operation in withheld else has
            assert facts[f"`{operation}`"] == has
        assert facts["compatible API"] == ("yes" if name in VENDORS else "no")


@pytest.mark.parametrize("name", sorted(set(OFFERED) - {"local"}))
def test_who_decides_is_who_the_matrix_says(name: str, tables: Any) -> None:
    who = _facts(tables, "matrix")[name]["who decides"]
    deciders = {
        outcome["match"].get("decided_by", "vendor")
        for path in cassettes_in(ROOT / "cassettes")
        if Scenario.load(path).plugin == name
        for outcome in [play_cassette(path)]
        if outcome.get("match")
    }
    said = {word for word in ("vendor", "facegate") if word in who}
    assert deciders == said


def test_the_embedded_engine_leaves_the_decision_to_facegate(tables: Any, tmp_path: Path) -> None:
    portraits(tmp_path)
    with facegate.open(plugin="local", engines=1) as verifier:
        result = verifier.compare(tmp_path / "selfie.jpg", [tmp_path / "passport.jpg"])
    assert result.match is not None
    assert result.match.decided_by == _facts(tables, "matrix")["local"]["who decides"]


def _facts(tables: Any, table: str) -> dict[str, dict[str, str]]:
    """The rows of a table by plugin, each by its headings."""
    head, *rows = tables[table]()
    names = [re.sub(r"\W+md\W|\W", "", row[0].split("]")[0]) for row in rows]
    facts = [dict(zip(head, row, strict=True)) for row in rows]
    return dict(zip(names, facts, strict=True))


def test_scores_cross_as_the_page_works_it_out(tables: Any) -> None:
    rows = {row[0]: row for row in tables["mapping"]("local", "verifik")}
    assert rows["0.7"][1:] == ("0.850", "yes")
    engine = Registry().provider_type("local").info.match
    assert engine is not None
    back = ScoreMapping(engine, Registry().api_type("verifik").match)
    assert back.threshold(0.9) == pytest.approx(0.8)


def test_a_gallery_costs_what_the_page_says(tables: Any) -> None:
    head, _, thousandth, *_ = list(tables["gallery"]())
    assert head[3] == "3 pictures"
    assert thousandth[:4] == ("1 in 10,000", "1 in 10,000", "1 in 5,000", "1 in 3,334")


def _whole(name: str) -> HttpRequest:
    """A request that the API takes: its own client's."""
    kind = Registry().provider_type(name)
    given = {"base_url": "http://127.0.0.1", **CLIENTS[name]}
    pair = [Image.of(picture(seed=seed, size=(320, 320))) for seed in (1, 2)]
    asked = Question(operation=Operation.COMPARE, probe=pair[0], gallery=pair[1:])
    (sent,) = requests(kind(kind.settings_type.model_validate(given)), asked)
    return sent.request
