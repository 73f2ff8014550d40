"""``facegate evaluate``: pairs, lists, matrices and a journal, to a terminal, JSON and a page."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

import duckdb
import pytest

import facegate
from batches import Desk
from facegate import Billed, Decision, InvalidRequest, Operation
from facegate.cli import main as cli
from facegate.cli import options
from facegate.evaluation.labelled import labelled
from facegate.journal import RequestRow, open_journal
from facegate.testing.pictures import noise
from installed import Site
from made_up import made_up

pytestmark = pytest.mark.slow

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the scores of made-up people: main, other and attacks."""
    return made_up(tmp_path_factory.mktemp("made"), people=100)


@pytest.fixture
def run(here: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as stopped:
            cli.main(["evaluate", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, out, err

    return run


@pytest.fixture
def desk(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(here, site, capsys)


@pytest.fixture
def few(here: Path) -> Path:
    """A short list of scores, read in no time."""
    rows = [(f"p{one}", f"p{two}") for one in range(8) for two in range(8)]
    lines = [
        f"{one},{two},{0.9 if one == two else 0.1 + index % 7 / 10}"
        for index, (one, two) in enumerate(rows)
    ]
    path = here / "few.csv"
    path.write_text("\n".join(["probe_subject,gallery_subject,score", *lines]), encoding="utf-8")
    return path


def test_a_person_reads_the_conclusion_first(run: Run, made: Path) -> None:
    code, out, err = run("--scores", made / "main.csv", "--html", "report.html")
    assert code == options.ACCEPTED
    assert out.startswith("At a threshold for an FMR of 1e-2 the FNMR is ")
    for shown in (
        "does not apply",
        "\nin use ",
        "FMR asked for",
        "By sex, at one threshold",
        "for a guarantee)",
    ):
        assert shown in out
    assert "naive" not in out
    assert not err
    assert "Evaluation of main" in Path("report.html").read_text(encoding="utf-8")


def test_a_machine_reads_every_key_that_was_promised(run: Run, made: Path) -> None:
    _, out, _ = run("--scores", made / "main.csv", "--json")
    report = json.loads(out)
    assert {"auc", "eer", "genuine", "impostor", "people", "failed", "rates"} <= set(report)
    assert {"attacks", "groups", "statements"} <= set(report)
    assert set(report["eer"]) >= {"step", "hull"}
    promised = {"fmr_asked", "threshold", "support", "fmr", "fnmr", "fnmr_low", "fnmr_high"}
    promised |= {"fmr_low", "fmr_high", "fmr_low_naive", "fmr_high_naive"}
    assert promised <= set(report["rates"][0])
    assert report["people"] == 100
    assert report["genuine"] == 200


def test_species_are_told_apart_and_the_worst_counts(run: Run, made: Path) -> None:
    _, out, _ = run("--scores", made / "attacks.csv", "--json")
    attacks = json.loads(out)["attacks"]
    assert {"mask", "printed photo", "replay on a screen", "worst"} == set(attacks)
    assert attacks["worst"] == attacks["mask"]
    assert {"eer", "apcer"} <= set(attacks["worst"])


def test_two_providers_are_compared_on_the_same_pairs(run: Run, made: Path) -> None:
    lists = ("--scores", made / "main.csv", "--scores", made / "other.csv")
    code, out, _ = run(*lists, "--curves-out", "curves.csv")
    assert code == options.ACCEPTED
    assert "lower FNMR" in out.splitlines()[0]
    assert "main and other on the same pairs" in out
    with Path("curves.csv").open(encoding="utf-8", newline="") as file:
        points = list(csv.DictReader(file))
    assert {point["provider"] for point in points} == {"main", "other"}
    assert all(0 <= float(point["fmr"]) <= 1 for point in points)
    _, out, _ = run(*lists, "--json")
    report = json.loads(out)
    assert [each["name"] for each in report["providers"]] == ["main", "other"]
    assert report["paired"]["names"] == ["main", "other"]


def test_a_profile_that_is_not_met_is_an_exit_code(run: Run, made: Path) -> None:
    code, out, _ = run("--scores", made / "main.csv", "--profile", "nist-ial2")
    assert code == options.REJECTED
    assert "Profile nist-ial2: not met" in out


def test_costs_groups_and_a_split_are_taken(run: Run, made: Path) -> None:
    costs = "false_match=500,false_non_match=8,review=2,prior=0.01"
    chosen = ("--costs", costs, "--group", "sex", "--split", "person:0.5")
    _, out, _ = run("--scores", made / "main.csv", *chosen, "--json")
    report = json.loads(out)
    assert report["chosen_on"] == report["people"] == 50
    assert report["costs"]["prices"]["review"] == 2
    assert [each["column"] for each in report["groups"]] == ["sex"]


def test_a_matrix_has_failed_scores_if_it_is_said(run: Run, here: Path) -> None:
    rows = [
        [
            f"p{row}",
            *(0.9 if row == column else 0.1 + (row * column) % 7 / 10 for column in range(6)),
        ]
        for row in range(6)
    ]
    rows[2][3] = -1
    with (here / "matrix.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["", *(f"p{column}" for column in range(6))], *rows])
    _, out, _ = run("--matrix", "matrix.csv", "--json")
    assert json.loads(out)["failed"] == 0
    _, out, _ = run("--matrix", "matrix.csv", "--failed-score", "-1", "--json")
    assert json.loads(out)["failed"] == 1


def test_distances_are_read_the_other_way_round(run: Run, few: Path) -> None:
    _, out, _ = run("--scores", few, "--json", "--lower-is-closer")
    assert json.loads(out)["auc"] == 0


def test_the_threshold_in_use_can_be_said(run: Run, few: Path) -> None:
    _, out, _ = run("--scores", few, "--threshold", "0.65", "--json")
    assert json.loads(out)["operating"]["threshold"] == 0.65


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ((), options.BAD_INPUT, "Give one of PAIRS, --folder"),
        (("--scores", "few.csv", "--matrix", "m.csv"), options.BAD_INPUT, "not --scores and"),
        (("--scores", "few.csv", "-p", "main"), options.BAD_INPUT, "Nobody is asked"),
        (("--scores", "few.csv") * 3, options.BAD_INPUT, "Compare 2 at a time"),
        (("--lfw", "pairs.txt"), options.BAD_INPUT, "--lfw and --images go together"),
        (("--scores", "few.csv", "--scores-out", "s.csv"), options.BAD_INPUT, "--scores-out is of"),
        (("pairs.csv", "--scores-out", "s.txt"), options.BAD_INPUT, "ends in .csv or .parquet"),
        (("--scores", "few.csv", "-t", "fmr:1e-4"), options.BAD_INPUT, "--threshold is a score"),
        (("pairs.csv", "--lower-is-closer"), options.BAD_INPUT, "of a list or a matrix"),
        (("pairs.csv", "--failed-score", "-1"), options.BAD_INPUT, "of a list or a matrix"),
        (("--journal", "sqlite:///j.db", "-r", "kyc"), options.BAD_INPUT, "Choose by --provider"),
        (("--journal", "sqlite:///j.db"), options.MISCONFIGURED, "nothing was recorded"),
        (("--journal",), options.MISCONFIGURED, "there is no [journal]"),
        (("--scores", "few.csv", "--profile", "x"), options.BAD_INPUT, "one of nist-ial2"),
        (("--scores", "few.csv", "--costs", "prior=2"), options.BAD_INPUT, "is missing"),
        (("--scores", "few.csv", "--costs", "price=2"), options.BAD_INPUT, "is none of"),
        (("--scores", "few.csv", "--costs", "prior=x"), options.BAD_INPUT, "is not NAME=NUMBER"),
        (
            ("--scores", "few.csv", "--costs", "prior=2,false_match=1,false_non_match=1"),
            options.BAD_INPUT,
            "prior is a share",
        ),
        (
            ("--scores", "few.csv", "--costs", "prior=0.1,false_match=-1,false_non_match=1"),
            options.BAD_INPUT,
            "from 0 on",
        ),
        (("--scores", "few.csv", "--split", "0.5"), options.BAD_INPUT, "is not person:SHARE"),
        (("--scores", "few.csv", "--split", "person:2"), options.BAD_INPUT, "is not person:SHARE"),
        (("--scores", "few.csv", "--group", "a,,b"), options.BAD_INPUT, "separated by commas"),
        (("--scores", "none.csv"), options.BAD_INPUT, "cannot read none.csv"),
        (("--scores", "few.csv", "--html", "no/r.html"), options.BAD_INPUT, "cannot write r.html"),
    ],
)
@pytest.mark.usefixtures("few")
def test_what_cannot_be_evaluated_is_said(
    run: Run, arguments: Sequence[str], code: int, told: str
) -> None:
    exit_code, _, err = run(*arguments)
    assert exit_code == code
    assert told in err


def people(folder: Path, count: int) -> Path:
    """A folder with two pictures of each of so many people."""
    for person in range(count):
        own = folder / "people" / f"P{person}"
        own.mkdir(parents=True)
        for number in (1, 2):
            (own / f"P{person}_{number:04}.jpg").write_bytes(noise(2 * person + number))
    return folder / "people"


def labelled_pairs(desk: Desk, count: int) -> Path:
    """Pairs of pictures, of which every fourth is said to be genuine."""
    pairs = list(combinations(desk.pictures(count), 2))
    rows = [(*pair, str(index % 4 == 0).lower()) for index, pair in enumerate(pairs)]
    return desk.write("pairs.csv", ("probe", "gallery", "genuine"), rows)


def test_a_provider_is_asked_once_and_evaluated_as_often_as_one_likes(run: Run, desk: Desk) -> None:
    pairs = labelled_pairs(desk, 8)
    told = (pairs, "--provider", "main", "--pairs-are-independent", "--json")
    code, out, _ = run(*told)
    assert code == options.ACCEPTED
    assert json.loads(out)["impostor"] == 21
    assert json.loads(out)["operating"]["threshold"] == 0.5
    assert desk.calls.total() == 28
    code, again, _ = run(*told)
    assert json.loads(again)["rates"] == json.loads(out)["rates"]
    assert desk.calls.total() == 28
    _, read, _ = run("--scores", "pairs.job/main/scores.parquet", *told[3:])
    assert json.loads(read)["rates"] == json.loads(out)["rates"]


def test_what_was_answered_is_written_where_it_is_wanted(run: Run, desk: Desk) -> None:
    pairs = labelled_pairs(desk, 6)
    run(pairs, "--job", "kept", "--scores-out", "answers.csv")
    answers = duckdb.read_csv("answers.csv")
    assert {"probe", "gallery", "genuine", "score", "decision"} <= set(answers.columns)
    assert len(answers) == 15
    assert (desk.folder / "kept" / "default" / "job.json").exists()


def test_another_question_in_the_same_folder_is_refused(run: Run, desk: Desk) -> None:
    pairs = labelled_pairs(desk, 6)
    run(pairs)
    code, _, err = run(pairs, "--threshold", "0.7")
    assert code == options.MISCONFIGURED
    assert "threshold was None, and is 0.7 now" in err


def test_pairs_without_labels_cost_nothing(run: Run, desk: Desk) -> None:
    code, _, err = run(desk.pairs(3))
    assert code == options.BAD_INPUT
    assert "pairs.csv, line 1: no column says what is true" in err
    listing = desk.write("images.csv", ("image",), [(name,) for name in desk.pictures(3)])
    code, _, err = run("--all-pairs", listing)
    assert code == options.BAD_INPUT
    assert "images.csv, line 1: no column says who is on a picture" in err
    assert not desk.calls


def test_a_folder_for_each_person_makes_all_pairs(run: Run, desk: Desk) -> None:
    code, out, _ = run("--folder", people(desk.folder, 4), "--json")
    report = json.loads(out)
    assert code == options.ACCEPTED
    assert (report["genuine"], report["impostor"], report["people"]) == (4, 24, 4)
    assert Path("people.job/default/job.json").exists()


def test_a_list_of_pictures_makes_all_pairs(run: Run, desk: Desk) -> None:
    names = desk.pictures(6)
    rows = [(name, f"p{index // 2}") for index, name in enumerate(names)]
    listing = desk.write("images.csv", ("image", "subject"), rows)
    _, out, _ = run("--all-pairs", listing, "--json")
    report = json.loads(out)
    assert (report["genuine"], report["impostor"], report["people"]) == (3, 12, 3)


def test_pairs_in_lfws_format_are_asked(run: Run, desk: Desk) -> None:
    folder = people(desk.folder, 4)
    lines = ["2", "P0 1 2", "P1 1 2", "P0 1 P1 2", "P2 1 P3 2"]
    (desk.folder / "pairs.txt").write_text("\n".join(lines))
    _, out, _ = run("--lfw", "pairs.txt", "--images", folder, "--json")
    report = json.loads(out)
    assert (report["genuine"], report["impostor"], report["people"]) == (2, 2, 4)


def test_attacks_are_asked_whether_they_live(run: Run, desk: Desk) -> None:
    rows = [
        (name, ("attack", "bona_fide")[index % 2], ("mask", "")[index % 2])
        for index, name in enumerate(desk.pictures(12))
    ]
    listing = desk.write("presentations.csv", ("probe", "label", "species"), rows)
    code, out, _ = run(listing, "--operation", "liveness", "--json")
    report = json.loads(out)
    assert code == options.ACCEPTED
    assert report["attacks"]["mask"]["presentations"] == 6
    assert report["bona_fide"]["presentations"] == 6


def test_two_providers_are_asked_the_same(run: Run, desk: Desk) -> None:
    desk.configure(more=f"[providers.new]\nplugin = 'counted'\ncalls = '{desk.calls_file}'\n")
    pairs = labelled_pairs(desk, 6)
    asked = ("-p", "main", "-p", "new", "--scores-out", "s.parquet", "--pairs-are-independent")
    code, out, _ = run(pairs, *asked, "--json")
    assert code == options.ACCEPTED
    assert json.loads(out)["paired"]["rank_correlation"] == pytest.approx(1)
    assert desk.calls.total() == 30
    assert {each.name for each in desk.folder.glob("s-*")} == {"s-main.parquet", "s-new.parquet"}


def test_a_provider_that_fails_too_often_stops_it(run: Run, desk: Desk) -> None:
    (desk.folder / "down").touch()
    code, _, err = run(desk.pairs(200, "many.csv"), "--job", "job")
    assert code == options.BAD_INPUT  # no labels yet
    pairs = labelled_pairs(desk, 20)
    code, _, err = run(pairs)
    assert code == options.PROVIDER_FAILED
    assert "the same command goes on" in err


def test_money_that_is_spent_ends_it_until_there_is_more(run: Run, desk: Desk) -> None:
    desk.configure("cost = 1.0", "[batch]\nmost = 3\n")
    code, _, err = run(labelled_pairs(desk, 6))
    assert code == options.MISCONFIGURED
    assert "the job ended before its last pair (money): 3 of 15 pairs were asked" in err


def test_answers_that_cannot_be_written_where_they_should_are_not_lost(
    run: Run, desk: Desk
) -> None:
    pairs = labelled_pairs(desk, 6)
    code, _, err = run(pairs, "--scores-out", "no/answers.csv")
    assert code == options.BAD_INPUT
    assert "cannot write answers.csv" in err
    run(pairs)
    assert desk.calls.total() == 15


@pytest.fixture
def recorded(desk: Desk) -> Sequence[str]:
    """Ids of requests that a journal holds, of which nobody has labelled any."""
    desk.configure(more=f"[journal]\nurl = 'sqlite:///{desk.folder / 'journal.db'}'\n")
    names = desk.pictures(13)
    with facegate.open("facegate.toml") as verifier:
        return [verifier.compare(name, names[-1]).request_id for name in names[:-1]]


def label(recorded: Iterable[str]) -> None:
    journal = open_journal({"url": "sqlite:///journal.db"}, "the tests")
    for index, request in enumerate(recorded):
        journal.label(request, genuine=index % 2 == 0)
    journal.close()


def test_labelled_requests_are_marked_as_selected(run: Run, recorded: Sequence[str]) -> None:
    label(recorded)
    code, out, _ = run("--journal")
    assert code == options.ACCEPTED
    assert "Evaluation of main: operational, labels selected" in out
    assert "FMR asked for" not in out
    _, out, _ = run("--journal", "sqlite:///journal.db", "--provider", "main", "--json")
    report = json.loads(out)
    assert report["selected"]
    assert (report["genuine"], report["impostor"]) == (6, 6)
    worst = report["worst_errors"]["false_matches"][0]["row"]
    assert worst in recorded


def test_a_journal_without_labels_says_nothing(run: Run, recorded: Sequence[str]) -> None:
    code, _, err = run("--journal")
    assert code == options.BAD_INPUT
    assert "no request has a label" in err
    label(recorded)
    code, _, err = run("--journal", "-p", "new")
    assert code == options.BAD_INPUT
    assert "no labelled request was answered by 'new'" in err


def test_lists_of_attacks_are_told_side_by_side(run: Run, made: Path) -> None:
    lists = ("--scores", made / "attacks.csv", "--scores", made / "attacks.csv")
    code, out, _ = run(*lists, "--json")
    report = json.loads(out)
    assert code == options.ACCEPTED
    assert len(report["providers"]) == 2
    assert report["paired"] is None


def test_two_providers_are_split_at_the_same_people(run: Run, made: Path) -> None:
    lists = ("--scores", made / "main.csv", "--scores", made / "other.csv")
    _, out, _ = run(*lists, "--split", "person:0.5", "--json")
    report = json.loads(out)
    assert [each["people"] for each in report["providers"]] == [50, 50]
    assert report["paired"]["genuine"] == 100
    assert report["paired"]["left_out"] == 0


def request(
    number: int,
    operation: Operation,
    provider: str = "main",
    *,
    genuine: bool | None = None,
    spoof: bool | None = None,
) -> RequestRow:
    """A request as the journal has it."""
    score = 0.05 + number % 10 / 11
    return RequestRow(
        at=datetime(2026, 3, 1, tzinfo=UTC),
        request_id=f"r{number}",
        subject=f"s{number}",
        route="kyc",
        arm=None,
        shadow=False,
        provider=provider,
        lineage="acme-1",
        operation=operation,
        decision=Decision.ACCEPT,
        match_score=None if operation is Operation.LIVENESS else score,
        liveness_score=None if operation is Operation.COMPARE else score,
        error_code=None,
        seconds=0.5,
        attempts=1,
        billed=Billed.YES,
        cost=0.05,
        genuine=genuine,
        spoof=spoof,
    )


def test_of_several_providers_in_a_journal_one_is_chosen() -> None:
    rows = [
        request(number, Operation.COMPARE, ("main", "new")[number % 2], genuine=number > 4)
        for number in range(10)
    ]
    with pytest.raises(InvalidRequest, match="answered by main, new: choose one"):
        labelled(rows)
    (scores,) = labelled(rows, ["new"])
    assert (scores.name, scores.selected, scores.people) == ("new", True, 7)
    assert (len(scores.genuine), len(scores.impostor)) == (3, 2)


def test_labelled_liveness_is_of_attacks_and_of_the_living() -> None:
    rows = [request(number, Operation.LIVENESS, spoof=number < 4) for number in range(10)]
    unknown = request(10, Operation.LIVENESS, genuine=True)  # that it is them says not: they live
    (scores,) = labelled([*rows, unknown])
    assert len(scores.bona_fide) == 6
    assert sum(map(len, scores.attacks.values())) == 4
