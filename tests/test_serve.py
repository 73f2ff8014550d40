"""``facegate serve``: from a configuration to a process that answers and ends in good order."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from acme_api import KEY, question
from facegate import ConfigurationError
from facegate.cli import main as cli
from facegate.cli import options
from facegate.config import Config
from facegate.gateway.settings import ServeSettings
from facegate.journal import open_journal
from facegate.journal.chain import Kind
from installed import Site
from service import process, url_in

TESTS = Path(__file__).parent
PLUGIN = """
import sys
sys.path.append({tests!r})
import time
from dataclasses import replace
from acme import INFO, SAME
from acme_api import AcmeApi
from facegate.plugin import *

class Vendor(BlockingProvider[ProviderSettings]):
    settings_type = ProviderSettings
    info = replace(INFO, embedded=True)

    def compare(self, request):
        print("working\\n", end="", flush=True)  # in one piece: several threads may be at it
        time.sleep({takes})
        return SAME

@hookimpl
def facegate_providers():
    return [Vendor]

@hookimpl
def facegate_compatible_apis():
    return [AcmeApi]
"""

OTHER = """
from acme_api import AcmeApi
from facegate.plugin import hookimpl

class OtherApi(AcmeApi):
    plugin = "other"

@hookimpl
def facegate_compatible_apis():
    return [OtherApi]
"""

Run = tuple[int, str]


@pytest.fixture
def folder(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where acme's plugin is installed."""
    site.install("acme", PLUGIN.format(tests=str(TESTS), takes=0))
    other = f"import sys\nsys.path.append({str(TESTS)!r})\n{OTHER}"
    site.install("other", other, "facegate_other")  # up to a dash, names must differ
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: site.found)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs ``facegate serve``, which must end at once; gives the exit code and what it said."""

    def run(*arguments: str) -> Run:
        with pytest.raises(SystemExit) as end:
            cli.main(["serve", "--port", "0", *arguments])
        said = capsys.readouterr()
        assert isinstance(end.value.code, int)
        return end.value.code, " ".join((said.out + said.err).split())

    return run


# A process


def test_it_says_what_it_serves_and_answers_and_ends_when_told(folder: Path) -> None:
    with process(folder, "--compat", "acme", "--provider", "acme") as (running, said):
        url = url_in(said)
        assert said == [
            f"facegate serves {url}; acme (acme) answers",
            f"the acme API at {url}/acme and {url}:",
            "POST /v1/compare",
            "POST /v1/compare-live",
            "POST /v1/liveness",
            "GET /v1/renew",
            "note: acme cannot answer compare_live; it is refused",
            "note: acme cannot answer liveness; it is refused",
            "note: there is no key: whoever is on this machine may ask",
            f"try: curl {url}/healthz",
        ]
        for prefix in ("", "/acme"):
            answer = httpx.post(f"{url}{prefix}/v1/compare", json=question(), timeout=60).json()
            assert answer == {"same": True, "score": 85.0}
        running.send_signal(signal.SIGTERM)
        _, told = running.communicate(timeout=60)
        assert running.returncode == 0
    assert "POST /acme/v1/compare 200" in told
    assert question()["probe"][:40] not in told


def test_a_request_in_work_is_finished_before_the_process_ends(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = tmp_path_factory.mktemp("slow")
    Site(slow, monkeypatch).install("acme", PLUGIN.format(tests=str(TESTS), takes=0.5))
    with process(slow, "--compat", "acme") as (running, said):
        answers: list[Any] = []
        asking = threading.Thread(
            target=lambda: answers.append(
                httpx.post(f"{url_in(said)}/v1/compare", json=question(), timeout=60).json()
            )
        )
        asking.start()
        assert running.stdout.readline() == "working\n"
        running.send_signal(signal.SIGTERM)
        asking.join()
        assert answers == [{"same": True, "score": 85.0}]
        assert running.wait(60) == 0


def test_everything_can_be_said_in_the_configuration(folder: Path) -> None:
    (folder / "keys").write_text(f"{KEY}\n\nsecond\n")
    (folder / "facegate.toml").write_text("""
        [providers.main]
        plugin = "acme"
        [serve]
        provider = "main"
        api_key_file = "keys"
        max_body_bytes = 100
        [serve.compat.acme]
        statuses = { bad_token = 403 }
        [serve.sandbox]
        keys = { sk-down = "error=down" }
    """)
    with process(folder, FACEGATE_SERVE__MAX_BODY_BYTES="100000") as (_, said):
        assert said[-2] == "note: the sandbox is on: callers can force any outcome"

        def status(key: str) -> int:
            headers = {"Authorization": f"Token {key}"}
            reply = httpx.post(
                f"{url_in(said)}/v1/compare", json=question(), headers=headers, timeout=60
            )
            return reply.status_code

        asked = [status(key) for key in (KEY, "second", "sk-down", "guessed")]
    assert asked == [200, 200, 503, 403]


def test_the_command_line_wins_over_the_configuration(folder: Path) -> None:
    (folder / "facegate.toml").write_text("""
        [serve]
        api_key_file = "gone"
        [serve.compat.acme]
        [serve.compat.other]
        statuses = { bad_token = 403 }
    """)
    with process(folder, "--compat", "other", "--provider", "acme", "--api-key", KEY) as (_, said):
        assert f"the other API at {url_in(said)}/other and {url_in(said)}:" in said
        assert httpx.post(f"{url_in(said)}/v1/compare", timeout=60).status_code == 403
        assert httpx.post(f"{url_in(said)}/acme/v1/compare", timeout=60).status_code == 404


def test_the_command_line_needs_neither_library_until_something_is_served() -> None:
    code = (
        "import sys, facegate.cli.main; sys.exit(bool({'starlette', 'uvicorn'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# What ends at once


def test_without_a_key_nobody_else_is_served(refused: Any) -> None:
    code, said = refused("--compat", "acme", "--host", "0.0.0.0")  # noqa: S104
    assert code == options.MISCONFIGURED
    assert "without a key anybody who reaches 0.0.0.0:0 could ask" in said


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "no API to speak; give --api for facegate's own, or name"),
        (("--compat", "none"), "no plugin is called 'none'; installed: acme, other"),
        (("--compat", "acme", "--provider", "none"), "no plugin is called 'none'"),
        (("--compat", "acme", "--port", "70000"), "serve.port: Input should be less than"),
        (("--compat", "acme", "--host", "nowhere.invalid"), "cannot listen on nowhere.invalid:0"),
        (("--compat", "acme", "--api-key", " "), "serve.api_keys: a key is empty"),
        (
            ("--compat", "acme", "--api-key-file", "none"),
            "cannot read the file: No such file",
        ),
    ],
)
def test_what_cannot_be_served_is_named(
    refused: Any, arguments: tuple[str, ...], named: str
) -> None:
    code, said = refused(*arguments)
    assert code == options.MISCONFIGURED
    assert named in said


def test_a_library_that_is_missing_is_named_with_its_extra(
    refused: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("facegate.gateway.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    code, said = refused("--compat", "acme")
    assert code == options.MISCONFIGURED
    assert 'pip install "facegate[gateway]"' in said


def test_check_reads_the_table_too(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "facegate.toml").write_text("[serve.compat.acme]\nshoot = true\n")
    with pytest.raises(SystemExit) as end:
        cli.main(["check"])
    assert end.value.code == options.MISCONFIGURED
    assert "serve.compat.acme.shoot: no such key; did you mean 'shout'?" in " ".join(
        capsys.readouterr().out.split()
    )


# The table


def settings(folder: Path, text: str, **environ: str) -> ServeSettings:
    file = folder / "serve.toml"
    file.write_text(text)
    return ServeSettings.of(Config.load(file, environ))


def test_keys_come_from_the_table_the_environment_a_file_and_the_sandbox(tmp_path: Path) -> None:
    assert settings(tmp_path, '[serve]\napi_keys = ["one", "two"]').keys() == ("one", "two")
    environ = {"FACEGATE_SERVE__API_KEYS": "one"}
    assert settings(tmp_path, "", **environ).keys() == ("one",)
    environ = {"FACEGATE_SERVE__API_KEYS": '["one", "two"]'}
    assert settings(tmp_path, "", **environ).keys() == ("one", "two")
    (tmp_path / "keys").write_text(" three \n")
    text = f'[serve]\napi_key_file = "{tmp_path}/keys"\n[serve.sandbox.keys]\nsk = ""'
    assert settings(tmp_path, text).keys() == ("three", "sk")


def test_an_empty_file_of_keys_does_not_open_the_door(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("\n\n")
    with pytest.raises(ConfigurationError, match="the file is empty"):
        settings(tmp_path, f'[serve]\napi_key_file = "{tmp_path}/keys"').keys()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[serve]\nprot = 1", r"serve\.prot: no such key; did you mean 'port'"),
        ("[serve.sandbox]\nrate = '10'", r"serve\.sandbox\.rate: "),
        ("[serve.sandbox.keys]\n' ' = ''", r"serve\.sandbox\.keys: a key is empty"),
        ("[serve]\ngrace_s = -1", r"serve\.grace_s: "),
        ("serve = 1", "serve: "),
    ],
)
def test_a_wrong_key_is_named_with_its_path(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        settings(tmp_path, text)


def test_no_key_is_ever_shown(tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text('[serve]\napi_keys = ["sk-1"]\n[serve.sandbox.keys]\nsk-2 = ""')
    config = Config.load(file, {})
    for shown in (repr(config), repr(ServeSettings.of(config)), str(ServeSettings.of(config))):
        assert "sk-" not in shown
    file.write_text('[serve]\napi_keys = ["sk-1", 7]')
    with pytest.raises(ConfigurationError) as caught:
        ServeSettings.of(Config.load(file, {}))
    assert "sk-1" not in str(caught.value)
    file.write_text("[serve.sandbox.keys]\nsk-1 = 7")
    with pytest.raises(
        ConfigurationError, match=r"serve\.sandbox\.keys: the instruction"
    ) as caught:
        ServeSettings.of(Config.load(file, {}))
    assert "sk-1" not in str(caught.value)


def test_a_journal_of_another_key_is_refused_before_anybody_is_asked(
    folder: Path, refused: Any
) -> None:
    table = {"url": f"sqlite:///{folder}/journal.db"}
    kept = open_journal(table, "here")
    kept.note(Kind.KEY, {"act": "create"})
    kept.close()
    (folder / "facegate.toml").write_text(
        f'[providers.acme]\nplugin = "acme"\n[journal]\nurl = "{table["url"]}"\n'
        'chain_key = "sixteen letters or more"\n'
    )
    code, said = refused("--compat", "acme")
    assert code == options.MISCONFIGURED
    assert "begin with `facegate journal seal`" in said
