"""``facegate routes``, and what the other commands say of routes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from acme import DOCUMENT, PROBE
from configured import MAIN_AND_BACKUP, entry_points
from facegate.cli import main as cli
from facegate.cli import options

TRIAL = """
default = "kyc"

[providers.twin]
plugin = "twin"
token = "tok-51c07"

[routes.kyc]
split = { careful = 90, twin = 10 }
shadow = { to = "backup", sample = 0.05 }
deadline_s = 8
[routes.kyc.policy.compare]
threshold = { main = 0.9, twin = 0.7 }

[routes.careful]
failover = ["main", "backup"]
retry = { attempts = 2 }

[breaker]
[limits.main]
concurrency = 20
rate = "10/second"
"""

DRAWN = """
kyc  split, within 8 s, attempts: 4
├── 90 % careful  failover, each asked up to 2 times
│   ├── main  acme; engine acme-1; seen by Acme; breaker; concurrency 20; rate 10/second
│   └── backup  percent; engine percent-3; seen by Percent Ltd, eu; breaker
├── 10 % twin  twin; engine acme-1; seen by Acme; breaker
├── shadow, 5 % backup  percent; engine percent-3; seen by Percent Ltd, eu; breaker
└── policy for compare  threshold 0.9 for main, 0.7 for twin
- main and twin share the engine acme-1: when it fails or errs, both do
- backup does not offer liveness
- there is no subject_key, so whoever chooses a user name can choose its arm
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command over the configuration ``text``; gives its exit code and what it said."""
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: entry_points())
    monkeypatch.chdir(tmp_path)
    Path("probe.png").write_bytes(PROBE)
    Path("document.png").write_bytes(DOCUMENT)

    def run(text: str, *arguments: str) -> tuple[int, str]:
        Path("facegate.toml").write_text(text)
        with pytest.raises(SystemExit) as stopped:
            cli.main(arguments)
        said = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, said.out + said.err

    return run


CONFIGURED = TRIAL + MAIN_AND_BACKUP


def test_the_tree_shows_who_is_asked_within_which_limits(run: Any) -> None:
    code, out = run(CONFIGURED, "routes", "kyc")
    assert code == options.ACCEPTED
    assert [line.rstrip() for line in out.splitlines()] == DRAWN.strip().splitlines()


def test_without_a_name_every_route_is_drawn(run: Any) -> None:
    _, out = run(CONFIGURED, "routes")
    assert [line.split()[0] for line in out.splitlines() if "within" in line] == ["kyc", "careful"]


def test_a_machine_reads_the_tree_as_json_without_secrets(run: Any) -> None:
    _, out = run(CONFIGURED, "routes", "--json")
    found = json.loads(out)["kyc"]
    assert [part["weight"] for part in found["children"]] == [90, 10]
    assert found["children"][0]["children"][1]["recipient"] == "Percent Ltd"
    assert found["shadow"]["to"]["name"] == "backup"
    assert found["warnings"][0].startswith("main and twin share the engine")
    assert len(found["digest"]) == 64
    assert "tok-51c07" not in out


def test_a_route_that_is_not_there(run: Any) -> None:
    code, out = run(CONFIGURED, "routes", "kyb")
    assert (code, "no route is called 'kyb'; there are: kyc, careful" in out) == (5, True)
    assert run(MAIN_AND_BACKUP, "routes") == (0, "No routes are configured.\n")


def test_check_says_of_each_route_what_an_operator_should_know(run: Any) -> None:
    code, out = run(CONFIGURED, "check")
    assert code == options.ACCEPTED
    assert "3 provider(s), 2 route(s), default kyc" in out
    assert "- kyc: main and twin share the engine acme-1" in out


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("[routes.kyb]\nto = 'main'\n[routes.kyb.policy.compare]\nthreshold = 7", "routes.kyb"),
        ("[serve]\nprovider = 'nobody'\n[serve.compat.acme]", "serve"),
        ("[telemetry]\nstructlogs = true", "telemetry"),
        ("[journal]\nurl = 'mysql://'", "journal"),
    ],
)
def test_check_finds_what_is_wrong_before_it_matters(run: Any, lines: str, named: str) -> None:
    code, out = run(CONFIGURED + lines, "check", "--json")
    assert code == options.MISCONFIGURED
    assert list(json.loads(out)["errors"]) == [named]


def test_a_question_takes_the_default_route_or_the_one_that_is_named(run: Any) -> None:
    ask = ("compare", "probe.png", "document.png", "--json")
    _, out = run(CONFIGURED, *ask, "--subject", "user-81", "-t", "fmr:1e-4")
    again = [run(CONFIGURED, *ask, "--subject", "user-81", "-t", "fmr:1e-4")[1] for _ in range(3)]
    assert json.loads(out)["route"] == "kyc"
    assert {json.loads(each)["arm"] for each in (out, *again)} == {json.loads(out)["arm"]}
    _, out = run(CONFIGURED, *ask, "--route", "careful")
    assert (json.loads(out)["route"], json.loads(out)["provider"]) == ("careful", "main")
    _, out = run(CONFIGURED, *ask, "--provider", "backup")
    assert (json.loads(out)["route"], json.loads(out)["provider"]) == (None, "backup")
    code, out = run(CONFIGURED, *ask, "--provider", "backup", "--route", "kyc")
    assert (code, "not both" in out) == (options.BAD_INPUT, True)


def test_an_option_names_its_plugin_where_a_route_leads_to_several(run: Any) -> None:
    ask = ("compare", "probe.png", "document.png", "--route", "careful")
    code, out = run(CONFIGURED, *ask, "-o", "mode=SLOW")
    assert code == options.BAD_INPUT
    assert "could be meant for acme or percent; write acme:mode=SLOW" in out
    assert run(CONFIGURED, *ask, "-o", "acme:mode=SLOW")[0] == options.ACCEPTED
