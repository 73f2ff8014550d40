"""``facegate ab report``: from a journal or a CSV file to a terminal, to JSON and to a page."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import facegate
from acme import DOCUMENT, PROBE
from configured import MAIN_AND_BACKUP, entry_points
from facegate.cli import main as cli
from facegate.cli import options
from facegate.journal import transfer
from facegate.journal.rows import RequestRow
from facegate.trial import page
from facegate.trial.findings import trial_findings
from facegate.trial.trial import Trial
from simulated import Plan, Vendor, requests

pytestmark = pytest.mark.slow

PLAN = Plan(
    400,
    {Vendor("main", right=0.97): 90, Vendor("new", failed=0.1, cost=0.04): 10},
    shadow=Vendor("candidate", accept=0.5, lineage="main"),
    copied=0.5,
    labelled=0.2,
)
ROUTE = """
default = "kyc"
[routes.kyc]
to = "trial"
[routes.trial]
split = { main = 90, new = 10 }
[providers.new]
plugin = "twin"
"""
JOURNAL = """
[journal]
url = "sqlite:///{path}"
subject_key = "a key of the tests, long enough"
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    monkeypatch.setattr("facegate.providers.registry.entry_points", lambda group: entry_points())
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["ab", "report", *arguments])
        out, err = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, out, err

    return run


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """What ``facegate journal export`` makes of a simulated trial."""
    file = tmp_path / "trial.csv"
    transfer.export(requests(PLAN), file, lambda _: None)
    return file


@pytest.fixture
def configured(tmp_path: Path) -> None:
    journal = JOURNAL.format(path=tmp_path / "journal.db")
    text = ROUTE + MAIN_AND_BACKUP + journal
    (tmp_path / "facegate.toml").write_text(text, encoding="utf-8")


def test_a_person_reads_the_conclusion_first(run: Any, exported: Path) -> None:
    code, out, err = run("--route", "kyc", "--csv", str(exported), "--weights", "main=90,new=10")
    assert code == options.ACCEPTED
    conclusion = "candidate accepts fewer of the same people than main or new"
    assert out.startswith(f"{conclusion}. This does not say who is right more often.")
    for shown in ("picture refused", "95th percentile", "cost of a decision", "ProviderTimeout"):
        assert shown in out
    assert re.search(r"candidate and main or new decided \d+ of \d+ differently", out)
    assert re.search(
        r"^r\d+-\d +2026-03-\d\d \d\d:\d\d +(accept|reject|review) at", out, re.MULTILINE
    )
    assert not err


def test_a_machine_reads_all_of_it_as_json(run: Any, exported: Path) -> None:
    code, out, _ = run("-r", "kyc", "--csv", str(exported), "--weights", "main=90,new=10", "--json")
    report = json.loads(out)
    assert code == options.ACCEPTED
    assert {"acceptance", "failures", "latency", "shadow", "ratio"} <= {
        each["about"] for each in report["findings"]
    }
    trial = report["trial"]
    assert [arm["name"] for arm in trial["arms"]] == ["main", "new"]
    assert set(trial["arms"][0]["outcomes"]) == {"accept", "review", "reject", "refused", "failed"}
    assert trial["ratio"]["p"] > 0.001
    assert trial["pairings"][0]["cases"][0]["request_id"]


def test_what_csv_tells_is_what_the_rows_tell(run: Any, exported: Path) -> None:
    _, out, _ = run("-r", "kyc", "--csv", str(exported), "--weights", "main=90,new=10", "--json")
    trial = Trial.of("kyc", requests(PLAN), weights={"main": 90, "new": 10})
    assert json.loads(out)["headline"].startswith(trial_findings(trial)[0].short)
    assert json.loads(out)["trial"]["rows"] == trial.rows


def test_a_part_of_the_time_or_one_operation_can_be_looked_at(run: Any, exported: Path) -> None:
    chosen = ("-r", "kyc", "--csv", str(exported), "--json")
    _, out, _ = run(*chosen, "--since", "2026-03-03", "--until", "2026-03-09T12:00:00")
    assert json.loads(out)["trial"]["first"] >= "2026-03-03"
    assert json.loads(out)["trial"]["last"] < "2026-03-09T12"
    code, out, _ = run(*chosen, "--operation", "liveness")
    assert code == options.BAD_INPUT
    assert "no requests on 'kyc'" in json.loads(out)["error"]["message"]


@pytest.mark.usefixtures("configured")
def test_a_journal_is_reported_with_the_weights_of_the_configuration(run: Any) -> None:
    with facegate.open("facegate.toml") as verifier:
        for number in range(40):
            verifier.compare(PROBE, DOCUMENT, subject=f"person-{number}")
    code, out, _ = run("--json", "--html", "report.html")
    trial = json.loads(out)["trial"]
    assert code == options.ACCEPTED
    assert trial["ratio"]["expected"] == {"main": 36.0, "new": 4.0}
    assert sum(arm["people"] for arm in trial["arms"]) == 40
    assert "Trial on kyc" in Path("report.html").read_text(encoding="utf-8")
    url = f"sqlite:///{Path('journal.db').resolve()}"
    Path("facegate.toml").unlink()
    _, out, _ = run("--route", "kyc", "--journal", url, "--json")
    assert json.loads(out)["trial"]["rows"] == 40
    assert json.loads(out)["trial"]["ratio"] is None


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), options.BAD_INPUT, "--route NAME"),
        (("-r", "kyc"), options.MISCONFIGURED, "there is no [journal]"),
        (("-r", "kyc", "--csv", "none.csv"), options.BAD_INPUT, "cannot read none.csv"),
        (
            ("-r", "kyc", "--journal", "sqlite:///none.db"),
            options.MISCONFIGURED,
            "nothing was recorded",
        ),
        (("-r", "kyc", "--csv", "a", "--journal", "b"), options.BAD_INPUT, "not both"),
        (("-r", "kyc", "--weights", "main"), options.BAD_INPUT, "ARM=WEIGHT"),
        (("-r", "kyc", "--weights", "main=-1"), options.BAD_INPUT, "from 0 on"),
        (
            ("-r", "kyc", "--csv", "trial.csv", "--html", "no/r.html"),
            options.BAD_INPUT,
            "cannot write",
        ),
        (
            ("-r", "kyc", "--csv", "trial.csv", "--control", "x"),
            options.BAD_INPUT,
            "only in main, new",
        ),
    ],
)
@pytest.mark.usefixtures("exported")
def test_what_cannot_be_reported_is_said(
    run: Any, arguments: Sequence[str], code: int, told: str
) -> None:
    exit_code, _, err = run(*arguments)
    assert exit_code == code
    assert told in err


@pytest.mark.parametrize(
    ("line", "wrong", "told"),
    [
        (0, "decision", "line 1: no column is called decision"),
        (3, "compare", "line 4: operation: "),
        (2, "+00:00", "line 3: at: a time without its zone"),
    ],
)
def test_a_wrong_line_is_named(run: Any, exported: Path, line: int, wrong: str, told: str) -> None:
    lines = exported.read_text(encoding="utf-8").splitlines()
    lines[line] = lines[line].replace(wrong, "" if wrong == "+00:00" else "x")
    exported.write_text("\n".join(lines), encoding="utf-8")
    code, _, err = run("-r", "kyc", "--csv", str(exported))
    assert code == options.BAD_INPUT
    assert f"trial.csv, {told}" in err


@pytest.mark.parametrize("number", ["nan", "inf"])
def test_a_number_that_nobody_can_reckon_with_is_a_wrong_line(
    run: Any, exported: Path, number: str
) -> None:
    with exported.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[1][rows[0].index("seconds")] = number
    with exported.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    code, _, err = run("-r", "kyc", "--csv", str(exported))
    assert code == options.BAD_INPUT
    assert "trial.csv, line 2: a number that is none" in err


class Checked(HTMLParser):
    """Fails where an element is not closed as it was opened, and keeps what it saw."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def drawn(rows: Sequence[RequestRow]) -> str:
    trial = Trial.of("kyc", rows, weights={"main": 90, "new": 10})
    return page.html(trial, trial_findings(trial))


@pytest.fixture(scope="module")
def html() -> str:
    return drawn(list(requests(PLAN)))


def test_the_page_is_well_formed_and_has_a_chart_of_everything(html: str) -> None:
    seen = Checked(html)
    assert len([svg for svg in seen.named("svg") if svg.get("role") == "img"]) == 5
    titles = re.findall(r"<figure><h2>(.+?)</h2>", html)
    assert titles == [
        "What people got",
        "new against main, over time",
        "candidate beside main or new, over time",
        "How long answers took",
        "Errors by class",
    ]
    assert len(seen.named("figure")) == len(seen.named("ul")) - 1  # each has its legend
    for place in ("x", "x1", "x2", "y1", "cx", "width"):
        numbers = [
            float(each[place] or "")
            for _, each in seen.elements
            if "%" not in str(each.get(place, "%"))
        ]
        assert all(-1 <= number <= 424 for number in numbers if number), place


def test_the_page_needs_nothing_from_anywhere(html: str) -> None:
    seen = Checked(html)
    assert {tag for tag, _ in seen.elements}.isdisjoint({"script", "link", "img", "iframe"})
    assert "default-src 'none'" in html
    assert not re.findall(r"https?:|url\(|@import|src=|href=", html)


def test_names_that_look_like_markup_are_only_names(html: str) -> None:
    evil = '<script>alert(1)</script>"&'
    rows = [
        replace(row, request_id=f"{evil}{row.request_id}", provider=f"{row.provider}{evil}")
        for row in requests(PLAN)
    ]
    seen, usual = (Checked(text).elements for text in (drawn(rows), html))
    assert {tag for tag, _ in seen} == {tag for tag, _ in usual}


def test_a_trial_of_a_moment_without_an_answer_is_drawn_too() -> None:
    row = next(requests(PLAN))
    failed = replace(row, decision=None, error_code="ConnectionFailed")
    text = drawn([failed, replace(failed, arm="new", subject="other")])
    assert len([svg for svg in Checked(text).named("svg") if svg.get("role") == "img"]) == 3
