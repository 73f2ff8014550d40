"""What the owner of a journal does with it: outcomes in, rows out, forgetting, checking."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from facegate import ConfigurationError
from facegate.cli import main as cli
from facegate.journal import open_journal
from journals import KEY, NOON, finished, journal, write


class Done(NamedTuple):
    code: Any
    out: str
    err: str


Facegate = Callable[..., Done]


@pytest.fixture
def facegate(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Facegate:
    """The command line, in a folder whose journal holds three requests: records 1 to 6."""
    monkeypatch.chdir(tmp_path)
    url = "sqlite:///journal.db"
    Path("facegate.toml").write_text(f'[journal]\nurl = "{url}"\nsubject_key = "{KEY}"\n')
    today = datetime.now(UTC)
    with journal(url) as kept:
        write(kept, finished("r-1", "ann"), finished("r-2", "ben", route="other"))
        write(kept, finished("r-3", "ann", at=today, decision="review", seconds=0.25))

    def run(*arguments: object) -> Done:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["journal", *map(str, arguments)])
        return Done(stopped.value.code, *capsys.readouterr())

    return run


def test_a_journal_that_holds_is_said_to(facegate: Facegate) -> None:
    head = facegate("head").out.strip()
    assert facegate("verify") == (
        0,
        f"6 records from number 1 on: the chain holds\nhead {head}\n",
        "",
    )
    assert json.loads(facegate("verify", "--expect-head", head, "--json").out) == {
        "verified": True,
        "records": 6,
        "erased": 0,
        "erased_since": 0,
        "begins": 1,
        "head": head,
        "problems": [],
    }


def test_a_journal_that_does_not_hold_ends_with_1(facegate: Facegate) -> None:
    forged = f"9:{'0' * 64}"
    done = facegate("verify", "--expect-head", forged)
    assert (done.code, done.out.splitlines()[0]) == (1, "records 7 to 9 are missing")
    assert facegate("verify", "--expect-head", "nonsense").code == 2


def test_outcomes_one_by_one(facegate: Facegate) -> None:
    assert facegate("label", "r-1", "--impostor", "--spoof").code == 0
    assert facegate("label", "r-2", "--genuine").code == 0
    done = facegate("label", "r-9", "--genuine")
    assert done.code == 2
    assert "no request 'r-9'" in done.err
    with journal("sqlite:///journal.db") as kept:
        found = [(row.genuine, row.spoof) for row in kept.rows()]
    assert found == [(False, True), (True, None), (None, None)]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_outcomes_from_a_file(facegate: Facegate, separator: str) -> None:
    text = "request_id,spoof,genuine\r\nr-1,,TRUE\r\n r-2 ,no,no\r\n\r\n"
    text = text.replace(",", separator)  # Excel writes what its country does
    Path("outcomes.csv").write_text(text, encoding="utf-8-sig")
    assert facegate("import", "outcomes.csv").out == "2 imported\n"
    with journal("sqlite:///journal.db") as kept:
        found = [(row.genuine, row.spoof) for row in kept.rows()]
    assert found == [(True, None), (False, False), (None, None)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "line 1: columns are request_id, genuine, spoof"),
        ("id,genuine\nr-1,true\n", "line 1: columns are"),
        ("request_id,genuine\nr-1,true\nr-2,perhaps\n", "line 3: genuine is true, false or empty"),
        ("request_id,genuine\nr-1,true\nr-2\n", "line 3: 1 values for 2 columns"),
        ("request_id,genuine\nr-1,true\nr-2,\n", "line 3: a label says"),
        ("request_id,genuine\nr-1,true\nr-9,true\n", "line 3: no request 'r-9' in the journal"),
        (
            "request_id,genuine\nr-1,\ufffd\n".encode("latin-1", "replace").decode(),
            "line 2: genuine",
        ),
    ],
)
def test_a_file_with_a_mistake_changes_nothing(facegate: Facegate, text: str, wrong: str) -> None:
    Path("outcomes.csv").write_text(text)
    done = facegate("import", "outcomes.csv")
    assert done.code == 2
    assert f"outcomes.csv, {wrong}" in done.err
    assert facegate("head").out.startswith("6:")


def test_a_file_that_is_no_text_is_refused(facegate: Facegate) -> None:
    Path("outcomes.csv").write_bytes(b"request_id,genuine\n\xff\xfe,true\n")
    assert "outcomes.csv is no CSV in UTF-8" in facegate("import", "outcomes.csv").err
    assert "cannot read nothing.csv" in facegate("import", "nothing.csv").err


def test_rows_as_csv(facegate: Facegate) -> None:
    facegate("label", "r-1", "--genuine")
    assert facegate("export", "rows.csv", "--route", "kyc").out == "2 exported\n"
    with Path("rows.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "at": "2026-03-02T12:00:00+00:00",
        "request_id": "r-1",
        "subject": first["subject"],
        "route": "kyc",
        "arm": "",
        "shadow": "false",
        "provider": "main",
        "lineage": "acme-1",
        "operation": "compare",
        "decision": "accept",
        "match_score": "",
        "liveness_score": "",
        "error_code": "",
        "seconds": "0.5",
        "attempts": "1",
        "billed": "yes",
        "cost": "",
        "engine": "",
        "calibration": "",
        "judged_by_caller": "false",
        "genuine": "true",
        "spoof": "",
    }
    assert (second["request_id"], second["decision"], second["seconds"]) == (
        "r-3",
        "review",
        "0.25",
    )


def test_rows_as_parquet(facegate: Facegate) -> None:
    facegate("label", "r-2", "--impostor")
    assert facegate("export", "rows.parquet").out == "3 exported\n"
    with duckdb.connect() as database:
        found = database.sql(
            'SELECT request_id, epoch("at"), shadow, seconds, attempts, genuine, cost'
            " FROM 'rows.parquet' LIMIT 2"
        ).fetchall()
    assert found == [
        ("r-1", NOON.timestamp(), False, 0.5, 1, None, None),
        ("r-2", NOON.timestamp(), False, 0.5, 1, False, None),
    ]
    assert [file.name for file in Path().glob("rows*")] == ["rows.parquet"]


def test_an_export_to_nowhere_is_refused(facegate: Facegate) -> None:
    assert facegate("export", "rows.xlsx").code == 2
    assert "cannot write rows.csv" in facegate("export", "nowhere/rows.csv").err


def test_rows_of_some_days(facegate: Facegate) -> None:
    tomorrow = (NOON + timedelta(days=1)).strftime("%Y-%m-%d")
    assert facegate("export", "old.csv", "--until", tomorrow).out == "2 exported\n"
    assert facegate("export", "new.csv", "--since", tomorrow).out == "1 exported\n"


def test_forgetting_what_is_old(facegate: Facegate) -> None:
    assert facegate("purge", "--older-than", "1h").out == "4 purged\n"
    assert facegate("purge", "--older-than", "1h").out == "0 purged\n"
    assert facegate("verify").code == 0
    assert facegate("purge", "--older-than", "soon").code == 2


def test_forgetting_a_person(facegate: Facegate) -> None:
    assert json.loads(facegate("erase", "--subject", "ann", "--json").out) == {"erased": 4}
    assert json.loads(facegate("verify", "--json").out)["erased"] == 4
    assert facegate("export", "rows.csv").out == "1 exported\n"


def test_there_has_to_be_a_journal(facegate: Facegate) -> None:
    Path("journal.db").unlink()
    done = facegate("verify")
    assert done.code == 5
    assert "nothing was recorded there yet" in done.err
    assert not Path("journal.db").exists()
    Path("facegate.toml").write_text("")
    assert "there is no [journal]; add" in facegate("verify").err


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({"sink": "file"}, "journal.sink: no such key"),
        ({"url": "mysql://db"}, "journal.url: must start with sqlite:/// or postgresql://"),
        ({"url": "sqlite://"}, "journal.url: must name a file"),
        ({"url": "sqlite:///:memory:"}, "journal.url: must name a file"),
        ({"url": "postgresql://user:secret@host:port/x"}, "journal.url: not a URL"),
        ({"sync": "sometimes"}, "journal.sync: "),
        ({"subject_key": "short"}, "journal.subject_key: must have 16 characters or more"),
        ({"subject_key_file": "/nowhere"}, "journal.subject_key_file: cannot read the file"),
        ({"wait_s": 5}, "journal.wait_s: "),
        ("sqlite", "journal: must be a table"),
    ],
)
def test_a_table_that_cannot_work_is_refused_by_its_path(table: Any, wrong: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_journal(table, "my.toml")
    assert str(caught.value).startswith(f"my.toml: {wrong}")
    assert "secret" not in f"{caught.value!r}"


def test_a_package_that_is_missing_is_named(
    facegate: Facegate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigurationError, match=r'pip install "facegate\[postgres\]"'):
        open_journal({"url": "postgresql:///journal"}, "my.toml")
    monkeypatch.setitem(sys.modules, "duckdb", None)
    done = facegate("export", "rows.parquet")
    assert done.code == 5
    assert 'pip install "facegate[parquet]"' in done.err


def test_settings_show_no_secret() -> None:
    secret = "postgresql://user:secret@localhost/journal"
    with journal(secret) as kept:
        assert "secret" not in repr(vars(kept))
        assert KEY not in repr(kept)
