"""``facegate keys``: a key is made, shown once, rotated and revoked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest

from facegate.cli import main as cli
from facegate.gateway.grants import KeySettings
from facegate.gateway.keys import KeyRefused, Keys
from facegate.gateway.stored import StoredKeys
from journals import KEY, journal

URL = "sqlite:///journal.db"


class Done(NamedTuple):
    code: Any
    out: str
    err: str


Facegate = Callable[..., Done]


@pytest.fixture
def facegate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Facegate:
    monkeypatch.chdir(tmp_path)
    Path("facegate.toml").write_text(f'[journal]\nurl = "{URL}"\nsubject_key = "{KEY}"\n')

    def run(*arguments: str) -> Done:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["keys", *arguments])
        return Done(stopped.value.code, *capsys.readouterr())

    return run


def name_of(key: str) -> str:
    """The name of the key's caller, as the service finds it."""
    with journal(URL) as kept:
        return anyio.run(Keys(store=StoredKeys(kept.store)).find, key).name


def listed(facegate: Facegate) -> Any:
    return json.loads(facegate("list", "--json").out)["keys"]


def test_a_key_is_made_and_shown_once(facegate: Facegate) -> None:
    limits = "--route kyc --operation compare --rate 20/second --at-once 40 --budget 200/day"
    made = facegate("create", "onboarding", "--scope", "verify", *limits.split())
    assert made.code == 0
    assert name_of(made.out.strip()) == "onboarding"
    assert "not shown again" in made.err
    (key,) = listed(facegate)
    assert made.out.startswith(f"fg_{key['id']}_")
    assert {name: key[name] for name in ("home", "scopes", "routes", "operations", "rate")} == {
        "home": "journal",
        "scopes": ["verify"],
        "routes": ["kyc"],
        "operations": ["compare"],
        "rate": "20/second",
    }
    assert (key["at_once"], key["budget"], key["expires"]) == (40, "200/day", None)
    assert made.out.split("_")[2] not in json.dumps(key)


def test_a_key_for_the_file_comes_with_its_hash_and_no_database(facegate: Facegate) -> None:
    made = facegate("create", "--hash")
    key, line = made.out.splitlines()
    assert line == f'hash = "{hashlib.sha256(key.split("_")[2].encode()).hexdigest()}"'
    assert not Path("journal.db").exists()
    data = json.loads(facegate("create", "--hash", "--json").out)
    settings = KeySettings(hash=data["hash"], scopes=("verify",))
    assert anyio.run(Keys({"team": settings}).find, data["key"]).id == "team"


def test_keys_of_the_file_are_listed_as_well(facegate: Facegate) -> None:
    made = json.loads(facegate("create", "--hash", "--json").out)
    with Path("facegate.toml").open("a") as file:
        file.write(f'[serve.api.keys.team]\nhash = "{made["hash"]}"\nscopes = ["verify"]\n')
    facegate("create", "other", "--scope", "label")
    assert [(key["name"], key["home"]) for key in listed(facegate)] == [
        ("team", "file"),
        ("other", "journal"),
    ]
    shown = facegate("list").out
    assert re.search(r"team +team +in the file +verify +all", shown)
    assert re.search(r"other +good +label", shown)


def test_a_key_ends_when_it_was_said_to(facegate: Facegate) -> None:
    for expiry in ("90d", "2099-01-01"):
        facegate("create", "team", "--scope", "verify", "--expires", expiry)
    dated, aged = listed(facegate)
    assert dated["expires"].startswith("2099-01-01T23:59:59")
    left = datetime.fromisoformat(aged["expires"]) - datetime.now(UTC)
    assert timedelta(days=89) < left <= timedelta(days=90)


def test_a_rotated_key_keeps_its_id_and_the_old_secret_for_a_while(facegate: Facegate) -> None:
    old = facegate("create", "team", "--scope", "verify").out.strip()
    (before,) = listed(facegate)
    new = facegate("rotate", before["id"]).out.strip()
    assert name_of(old) == name_of(new) == "team"
    (after,) = listed(facegate)
    left = datetime.fromisoformat(after["rotated_until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert "old secret until" in facegate("list").out
    leaked = facegate("rotate", before["id"], "--overlap", "0h", "--json")
    assert name_of(json.loads(leaked.out)["key"]) == "team"
    for void in (old, new):
        with pytest.raises(KeyRefused):
            name_of(void)


def test_a_revoked_key_stays_in_the_list(facegate: Facegate) -> None:
    made = facegate("create", "team", "--scope", "verify").out.strip()
    (key,) = listed(facegate)
    assert facegate("revoke", key["id"]).code == 0
    with pytest.raises(KeyRefused):
        name_of(made)
    assert listed(facegate)[0]["revoked"]
    assert "revoked" in facegate("list").out
    again = facegate("revoke", key["id"])
    assert (again.code, "or it is revoked" in again.err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "--scope", "verify"], "give the key a NAME"),
        (["create", "team"], "--scope"),
        (["create", "team", "--scope", "everything"], "--scope"),
        (["create", "team", "--scope", "verify", "--rate", "fast"], '"20/second"'),
        (["create", "team", "--scope", "verify", "--budget", "much"], '"200/day"'),
        (["create", "team", "--scope", "verify", "--expires", "soon"], "90d"),
        (["create", "team", "--scope", "admin", "--route", "kyc"], "admin"),
        (["rotate", "x", "--overlap", "long"], "24h"),
    ],
)
def test_what_cannot_be_is_bad_input(facegate: Facegate, arguments: list[str], said: str) -> None:
    done = facegate(*arguments)
    assert done.code == 2
    assert said in done.err


def test_without_a_journal_it_says_what_else_there_is(facegate: Facegate) -> None:
    Path("facegate.toml").write_text("")
    done = facegate("create", "team", "--scope", "verify")
    assert done.code == 5
    assert "keys create --hash" in done.err.replace("\n", " ")
