"""What the owner of a journal does with it: outcomes in, rows out, forgetting, checking."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from acme import SAME
from facegate import ConfigurationError
from facegate.cli import main as cli
from facegate.consent import Consent
from facegate.events import Shadowed
from facegate.journal import open_journal
from facegate.trial.source import from_csv
from journals import KEY, NOON, attempt, finished, journal, write


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
        "6 records from number 1 on: the chain holds\nproves that the records follow from each"
        " other; whoever can write the database could forge all of them, but not a head that was"
        f" kept elsewhere\nhead {head}\n",
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
        "keyed_from": None,
        "proves": "proves that the records follow from each other; whoever can write the database"
        " could forge all of them, but not a head that was kept elsewhere",
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
        "match_threshold": "",
        "liveness_threshold": "",
        "plugin": "acme",
        "plugin_version": "",
        "configuration": "",
        "caller": "",
        "consent_reference": "",
        "consent_purpose": "",
        "given_id": "",
        "final": "accept",
        "review": "",
        "seq": "1",
    }
    assert (second["request_id"], second["decision"], second["seconds"]) == (
        "r-3",
        "review",
        "0.25",
    )


def test_an_export_of_an_older_facegate_is_still_read(facegate: Facegate) -> None:
    facegate("export", "rows.csv")
    with journal("sqlite:///journal.db") as kept:
        assert list(from_csv(Path("rows.csv"), "kyc")) == list(kept.rows("kyc"))
    with Path("rows.csv").open(newline="") as new, Path("old.csv").open("w", newline="") as old:
        writer = csv.writer(old)
        writer.writerows(row[:22] for row in csv.reader(new))  # up to the labels
    first, second = from_csv(Path("old.csv"), "kyc")
    assert (first.request_id, second.decision, first.plugin) == ("r-1", "review", None)


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


def test_requests_are_listed_the_newest_first(facegate: Facegate) -> None:
    done = facegate("list")
    assert [line.split()[3] for line in done.out.splitlines()[1:]] == ["r-3", "r-2", "r-1"]
    assert "REVIEW" in done.out
    assert facegate("list", "--subject", "ann", "--limit", 1).err == "there are more: --before 5\n"
    older = json.loads(facegate("list", "--subject", "ann", "--before", 5, "--json").out)
    assert [each["request_id"] for each in older["decisions"]] == ["r-1"]
    assert (older["next"], older["head"]) == (None, 6)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("--decision", "review"), ["r-3"]),
        (("--route", "other"), ["r-2"]),
        (("--until", "2026-03-03"), ["r-2", "r-1"]),
        (("--since", "2026-03-03"), ["r-3"]),
        (("--operation", "liveness"), []),
        (("--provider", "main", "--route", "kyc"), ["r-3", "r-1"]),
        (("--error", "BadReply"), []),
        (("--caller", "somebody"), []),
        (("--reference", "c-17"), []),
    ],
)
def test_a_list_is_narrowed_down(
    facegate: Facegate, wanted: Sequence[str], found: Sequence[str]
) -> None:
    listed = json.loads(facegate("list", *wanted, "--json").out)["decisions"]
    assert [each["request_id"] for each in listed] == found


def test_a_request_is_shown_whole(facegate: Facegate) -> None:
    with journal("sqlite:///journal.db") as kept:
        first = attempt("first", "ProviderTimeout", cost=0.2, step="verify", image="gallery[1]")
        attempts = (first, attempt(cost=0.5))
        consent = Consent("opening an account", frozenset({"Acme"}), reference="c-17")
        told: dict[str, Any] = {
            "match": SAME.match,
            "arm": "b",
            "consent": consent,
            "caller": "abcdefghijkl",
        }
        event = finished("r-4", "ben", decision="review", attempts=attempts, **told)
        write(kept, event, finished("r-4", at=NOON + timedelta(days=1)))
        write(kept, Shadowed(event, finished("r-4", decision="reject")))
        kept.claim("r-4", "somebody")
        kept.review("r-4", "somebody", "accept", "the scar is the same", "genuine")
    done = facegate("show", "r-4")
    shown = " ".join(done.out.split())
    assert done.code == 0
    for words in (
        "REVIEW then ACCEPTED compare r-4 500 ms",
        "match 0.9 >= 0.8",
        "route kyc, arm b",
        "billed yes, 0.7",
        "consent c-17 for opening an account",
        "1 first (acme) verify on gallery[1] ProviderTimeout 250 ms billed: yes, 0.2",
        "the claimed person somebody",
        "somebody accept: the scar is the same found: genuine",
        "given the same id: r-4.2",
    ):
        assert words in shown
    data = json.loads(facegate("show", "r-4", "--json").out)
    assert [each["act"] for each in data["reviews"]] == ["claim", "verdict"]
    assert facegate("show", "r-9").code == 2


def test_a_journal_is_sealed_once(facegate: Facegate) -> None:
    assert "journal.chain_key is not set" in facegate("seal").err
    with Path("facegate.toml").open("a") as file:
        file.write('chain_key = "a key that nobody guesses"\n')
    assert "begin with `facegate journal seal`" in facegate("verify").err
    assert facegate("seal").code == 0
    assert "since record 7; those before it" in facegate("verify").out
    assert "sealed already" in facegate("seal").err


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
