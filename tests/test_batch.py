"""``facegate batch``: a question for every row of a file, and a row of the result for each."""

from __future__ import annotations

import base64
import json
import sys
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batches import Desk, result, status
from facegate import FaceVerifier, InvalidRequest, Operation
from facegate.batch import answer
from facegate.batch.columns import RESULT
from facegate.batch.parts import Writer
from facegate.batch.source import Input, Source
from facegate.testing.fake import FakeProvider, no_match
from installed import Site


@pytest.fixture
def desk(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(here, site, capsys)


def test_each_row_has_its_answer_in_the_order_of_the_file(desk: Desk) -> None:
    pictures = desk.pictures(3)
    rows = [(pictures[0], pictures[1], "007"), (pictures[2], pictures[0], "")]
    desk.write("pairs.csv", ("probe", "gallery", "note"), rows)

    code, out, _ = desk.run("run", "pairs.csv", "--out", "job")

    assert code == 0
    assert "2 of 2 rows, all done" in out
    found = result(
        desk, "row, probe, gallery, note, decision, provider, billed, operation, attempts"
    )
    assert [row[:4] for row in found] == [
        (1, "000.png", "001.png", "007"),
        (2, "002.png", "000.png", None),
    ]
    assert {row[4] for row in found} <= {"accept", "reject"}
    assert {row[5:] for row in found} == {("main", "yes", "compare", 1)}
    job = json.loads((desk.folder / "job" / "job.json").read_bytes())["job"]
    assert result(desk, "request_id") == [(f"b-{job}-1",), (f"b-{job}-2",)]


def test_the_columns_of_an_answer_are_those_that_are_promised(desk: Desk) -> None:
    desk.pairs(3)
    desk.run("run", "pairs.csv", "--out", "job")
    part = duckdb.read_parquet(str(desk.folder / "job" / "parts" / "000000.parquet"))
    kinds = dict(zip(part.columns, map(str, part.types), strict=True))
    assert kinds == {"id": "VARCHAR", "probe": "VARCHAR", "gallery": "VARCHAR"} | RESULT


def test_the_answers_are_those_of_asking_one_by_one(desk: Desk) -> None:
    import facegate

    desk.pairs(6)
    desk.run("run", "pairs.csv", "--out", "job", "--threshold", "fmr:1e-4")
    with facegate.open() as verifier:
        for probe, gallery, score, threshold, decision in result(
            desk, "probe, gallery, score, threshold, decision"
        ):
            asked = verifier.compare(probe, gallery, threshold="fmr:1e-4")
            assert asked.match is not None
            assert (asked.match.score, asked.match.threshold) == (score, threshold)
            assert asked.decision == decision


def test_the_rows_of_several_files_are_one_job(desk: Desk) -> None:
    desk.pairs(3, "a.csv")
    desk.pairs(6, "b.csv")
    code, out, _ = desk.run("run", "a.csv", "b.csv", "--out", "job", "--chunk", "2")
    assert code == 0
    assert "9 of 9 rows" in out
    names = [name.rpartition("-") for (name,) in result(desk, "id")]
    assert [number for _, _, number in names] == ["1", "2", "3", "1", "2", "3", "4", "5", "6"]
    assert len({digest for digest, _, _ in names}) == 2


def test_pictures_come_as_bytes_lists_or_data_uris_and_no_face_is_copied(desk: Desk) -> None:
    one, two, three = (Path(name).read_bytes() for name in desk.pictures(3))
    uri = "data:image/png;base64," + base64.b64encode(three).decode()
    with duckdb.connect() as database:
        database.execute(
            "CREATE TABLE pairs AS SELECT ?::BLOB AS probe, [?]::BLOB[] AS gallery, ? AS gallery_2",
            [one, two, uri],
        )
        database.table("pairs").write_parquet("pairs.parquet")

    code, _, _ = desk.run("run", "pairs.parquet", "--out", "job")

    assert code == 0
    ((probe, gallery, further, decision),) = result(desk, "probe, gallery, gallery_2, decision")
    assert decision
    assert all(each.startswith("sha256:") for each in (probe, *gallery, further))
    ((asked, times),) = desk.calls.items()
    assert (len(asked.split()), times) == (3, 1)


def test_a_picture_that_cannot_be_used_is_told_from_a_vendor_that_fails(desk: Desk) -> None:
    (picture,) = desk.pictures(1)
    rows = [("gone.png", picture), (picture, "facegate.toml"), (picture, picture)]
    desk.write("pairs.csv", ("probe", "gallery"), rows)
    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 0
    assert result(desk, "error_code, image, attempts, billed, provider") == [
        ("ImageRejected", "probe", 0, "no", None),
        ("ImageRejected", "gallery[0]", 0, "no", None),
        ("InvalidRequest", "gallery[0]", 0, "no", None),
    ]
    (desk.folder / "down").touch()
    desk.pairs(1)
    assert desk.run("run", "pairs.csv", "--out", "other")[0] == 4
    found = result(desk, "error_code, image, attempts, provider, reason", "other")
    assert found == [("ProviderUnavailable", None, 1, "main", "closed for the day")]


def test_a_refused_capture_says_why_and_stops_nothing(desk: Desk) -> None:
    (desk.folder / "no face").touch()
    desk.pairs(3)
    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 0
    assert set(result(desk, "error_code, reason, image, decision")) == {
        ("CaptureRejected", "FACE_NOT_FOUND", "probe", None)
    }


def test_a_row_that_failed_is_asked_again_on_demand(desk: Desk) -> None:
    desk.configure("cost = 1")
    desk.pairs(6)
    (desk.folder / "down").touch()
    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 4
    assert desk.calls.total() == 6
    (desk.folder / "down").unlink()

    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 4  # they are answered for, so far
    assert desk.calls.total() == 6
    code, _, err = desk.run("run", "pairs.csv", "--out", "job", "--again", "failed")

    assert code == 0
    assert "6 rows ended in an error, and 0 of them may have been charged for" in err
    assert desk.calls.total() == 12
    assert all(decision for (decision,) in result(desk, "decision"))
    assert (status(desk)["errors"], status(desk)["cost"]) == ({}, 6.0)
    assert desk.run("run", "pairs.csv", "--out", "job", "--again", "failed")[0] == 0
    assert desk.calls.total() == 12


def test_only_the_failed_rows_of_a_part_are_asked_again(desk: Desk) -> None:
    names = desk.pictures(4)
    desk.write(
        "pairs.csv", ("probe", "gallery"), [(names[0], each) for each in (*names[1:], "x.png")]
    )
    desk.run("run", "pairs.csv", "--out", "job")
    before = result(desk, "* EXCLUDE (seconds)")
    assert desk.calls.total() == 3
    (desk.folder / "x.png").write_bytes((desk.folder / names[1]).read_bytes()[:-1] + b"?")
    desk.run("run", "pairs.csv", "--out", "job", "--again", "failed")
    assert result(desk, "* EXCLUDE (seconds)")[:3] == before[:3]
    assert desk.calls.total() <= 4


def test_a_job_that_is_done_asks_nothing(desk: Desk) -> None:
    desk.pairs(10)
    _, first, _ = desk.run("run", "pairs.csv", "--out", "job", "--chunk", "4")
    code, again, _ = desk.run("run", "pairs.csv", "--out", "job", "--chunk", "4")
    assert (code, again) == (0, first)
    assert desk.calls.total() == 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("probe,gallery\na,b\nc\n", "pairs.csv, line 3: 1 values for 2 columns"),
        ("probe,gallery\na,b\nc,\xff\n", "pairs.csv, line 3: no CSV in UTF-8"),
        ("probe,gallery\na,b\n,c\n", "pairs.csv, row 2: column 'probe' is empty"),
        ("probe,gallery\na,b\nc,\n", "pairs.csv, row 2: column 'gallery' is empty"),
        ("probe,image\na,b\n", "pairs.csv: no column 'gallery'; there are: probe, image"),
        ("probe,gallery,score\na,b,1\n", "pairs.csv: column 'score' is the result's; rename it"),
        ("probe,gallery,Score\na,b,1\n", "pairs.csv: column 'Score' is the result's; rename it"),
        ("probe,gallery,ID\na,b,1\n", "pairs.csv: column 'ID' is the result's; rename it"),
        ("probe,gallery,x,X\na,b,1,2\n", "pairs.csv, line 1: column 'x' is there twice"),
        ("probe,probe\na,b\n", "pairs.csv, line 1: column 'probe' is there twice"),
        ("probe,gallery\n", "pairs.csv: no rows, so there is nothing to ask"),
        ("", "pairs.csv, line 1: a column has no name"),
        ("id,probe,gallery\n1,a,b\n2,c,d\n1,e,f\n", "row 1: id '1' is there 2 times"),
        ("id,probe,gallery\n1,a,b\n,c,d\n", "row 2: column 'id' is empty"),
    ],
)
def test_bad_input_is_told_with_its_place_before_anything_is_asked(
    desk: Desk, text: str, message: str
) -> None:
    (desk.folder / "pairs.csv").write_bytes(text.encode("latin-1"))
    code, _, err = desk.run("run", "pairs.csv", "--out", "job")
    assert (code, message in " ".join(err.split())) == (2, True), err
    assert not desk.calls


def test_a_csv_may_come_from_a_spreadsheet(desk: Desk) -> None:
    one, two, three = desk.pictures(3)
    text = f"\ufeffprobe;gallery;gallery_2\r\n{one};{two};{three}\r\n{two};{three};\r\n"
    (desk.folder / "pairs.csv").write_bytes(text.encode())
    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 0
    assert sorted(len(each.split()) for each in desk.calls) == [2, 3]


def test_what_is_no_parquet_is_refused(desk: Desk) -> None:
    (desk.folder / "pairs.parquet").write_text("probe,gallery")
    code, _, err = desk.run("run", "pairs.parquet", "--out", "job")
    assert (code, "pairs.parquet is no Parquet file" in err) == (2, True)
    code, _, err = desk.run("run", "gone.csv", "--out", "job")
    assert (code, "cannot read gone.csv" in err) == (2, True)


def test_the_package_that_is_missing_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.pairs(1)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    code, _, err = desk.run("run", "pairs.csv", "--out", "job")
    assert (code, 'needs duckdb: pip install "facegate[batch]"' in err) == (5, True), err


def test_numbers_are_no_pictures(desk: Desk) -> None:
    with duckdb.connect() as database:
        database.execute("CREATE TABLE pairs AS SELECT 1 AS probe, 'a' AS gallery")
        database.table("pairs").write_parquet("pairs.parquet")
    code, _, err = desk.run("run", "pairs.parquet", "--out", "job")
    assert (code, "column 'probe' is INTEGER, and no pictures" in err) == (2, True)


@pytest.mark.parametrize("column", ["consent_purpose", "row"])
def test_a_list_of_pictures_has_no_such_column(desk: Desk, column: str) -> None:
    desk.write("images.csv", ("image", column), [("a", "b"), ("c", "d")])
    code, _, err = desk.run("run", "--all-pairs", "images.csv", "--out", "job")
    assert (code, repr(column) in err) == (2, True)


@given(st.integers(2, 60), st.data())
def test_all_pairs_are_numbered_one_by_one(pictures: int, data: st.DataObject) -> None:
    listed = Source([Input("a.csv", "", "", "", 0, pictures, {})], all_pairs=True)
    expected = list(enumerate(combinations(range(1, pictures + 1), 2), 1))
    assert listed.rows == len(expected)
    first = data.draw(st.integers(1, listed.rows))
    last = data.draw(st.integers(first, listed.rows))
    found = [(row, (one, other)) for row, one, other in listed.pairs(first, last)]
    assert found == expected[first - 1 : last]


def test_a_person_at_a_terminal_sees_how_far_it_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.configure("cost = 1\nseconds = 0.01")
    desk.pairs(100)
    monkeypatch.setattr("facegate.batch.run._LOOK_S", 0.01)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    code, _, err = desk.run("run", "pairs.csv", "--out", "job")
    assert (code, "of 100 rows" in err) == (0, True)


def test_files_of_a_job_have_the_same_columns(desk: Desk) -> None:
    desk.pairs(1, "a.csv")
    desk.write("b.csv", ("probe", "gallery", "note"), [("1", "2", "3")])
    code, _, err = desk.run("run", "a.csv", "b.csv", "--out", "job")
    assert (code, "b.csv: column 'note' is not as in a.csv" in err) == (2, True)


CHANGES = {
    "threshold was None, and is 0.9 now": ("--threshold", "0.9"),
    "chunk was 2000, and is 7 now": ("--chunk", "7"),
    "operation was compare, and is liveness now": ("--operation", "liveness"),
    "group by was None, and is probe now": ("--group-by", "probe"),
}


@pytest.mark.parametrize("message", CHANGES)
def test_a_job_goes_on_only_as_it_began(desk: Desk, message: str) -> None:
    desk.pairs(3)
    desk.run("run", "pairs.csv", "--out", "job")
    code, _, err = desk.run("run", "pairs.csv", "--out", "job", *CHANGES[message])
    assert (code, message in err) == (5, True), err
    assert desk.calls.total() == 3


def test_a_changed_byte_a_changed_setting_and_another_version_are_named(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facegate.batch.job.plugin_versions", lambda: {"counted": "1.0"})
    desk.pairs(3)
    desk.run("run", "pairs.csv", "--out", "job")

    def refused() -> str:
        code, _, err = desk.run("run", "pairs.csv", "--out", "job")
        assert code == 5
        return err

    path = desk.folder / "pairs.csv"
    before = path.read_bytes()
    path.write_bytes(before + b"\n")
    assert "file pairs.csv was" in refused()
    path.write_bytes(before)
    desk.configure("threshold = 0.6")
    assert "configuration was" in refused()
    desk.configure()
    monkeypatch.setattr("facegate.batch.job.plugin_versions", lambda: {"counted": "2.0"})
    assert "version of plugin counted was 1.0, and is 2.0 now" in refused()


def test_a_folder_with_other_things_in_it_is_no_job(desk: Desk) -> None:
    desk.pairs(1)
    code, _, err = desk.run("run", "pairs.csv", "--out", ".")
    assert (code, "which is no part of a job" in err) == (5, True)
    assert desk.run("status", ".")[0] == 2


def test_a_limit_of_money_is_never_passed(desk: Desk) -> None:
    desk.configure("cost = 0.05")
    desk.pairs(100)
    code, out, _ = desk.run("run", "pairs.csv", "--out", "job", "--most", "2", "--chunk", "30")
    assert (code, desk.calls.total()) == (3, 40)
    assert "cost so far: 2.00" in out
    assert desk.run("run", "pairs.csv", "--out", "job", "--most", "2", "--chunk", "30")[0] == 3
    assert desk.calls.total() == 40
    assert desk.run("run", "pairs.csv", "--out", "job", "--most", "5", "--chunk", "30")[0] == 0
    assert (desk.calls.total(), set(desk.calls.values())) == (100, {1})


def test_a_limit_counts_the_retries_that_there_may_be(desk: Desk) -> None:
    route = "[routes.kyc]\nto = 'main'\nretry = { attempts = 3, first_s = 0 }"
    desk.configure("cost = 1", route)
    desk.pairs(10)
    code, _, _ = desk.run("run", "pairs.csv", "--out", "job", "--route", "kyc", "--most", "5")
    # Of 5, a row may take 3: what the ones before it left over is found out as they are answered.
    assert (code, desk.calls.total()) == (3, 3)


def test_what_has_no_price_cannot_be_held_to_a_limit(desk: Desk) -> None:
    desk.pairs(1)
    code, _, err = desk.run("run", "pairs.csv", "--out", "job", "--most", "2")
    assert (code, "main has no `cost` for this operation" in err) == (5, True)
    assert not (desk.folder / "job").exists()


def test_limits_hold_over_all_workers_or_not_at_all(desk: Desk) -> None:
    desk.configure(more="[limits.main]\nconcurrency = 2")
    desk.pairs(1)
    code, _, err = desk.run("run", "pairs.csv", "--out", "job", "--workers", "2")
    assert (code, "set limits.main.shared, or take one worker" in err) == (5, True)


@pytest.mark.slow
def test_a_dead_vendor_stops_a_job_which_goes_on_when_it_is_back(desk: Desk) -> None:
    desk.pairs(1200)
    (desk.folder / "down").touch()
    code, out, _ = desk.run("run", "pairs.csv", "--out", "job", "--chunk", "300")
    assert (code, "too many rows failed" in out) == (4, True)
    assert 100 <= desk.calls.total() <= 120
    (desk.folder / "down").unlink()
    asked = desk.calls.total()
    code, _, _ = desk.run("run", "pairs.csv", "--out", "job", "--chunk", "300", "--again", "failed")
    assert code == 0
    assert desk.calls.total() == 1200 + asked
    assert status(desk)["decisions"].keys() <= {"accept", "reject"}


def test_a_dry_run_says_who_sees_what_for_how_much_and_asks_nothing(desk: Desk) -> None:
    desk.configure("cost = 0.05")
    desk.pairs(10)
    code, out, _ = desk.run("run", "pairs.csv", "--out", "job", "--dry-run")
    assert code == 0
    assert "10 rows, 10 of them to do (compare); each row is asked" in out
    assert "pictures go to main: Counted Ltd, eu" in out
    assert "price: 0.50" in out
    assert not desk.calls
    assert not (desk.folder / "job").exists()
    desk.run("run", "pairs.csv", "--out", "job")
    _, out, _ = desk.run("run", "pairs.csv", "--out", "job", "--dry-run", "--json")
    assert json.loads(out)["left"] == 0


def test_a_dry_run_prices_retries_and_every_picture(desk: Desk) -> None:
    more = "[routes.kyc]\nto = 'main'\nretry = { attempts = 2 }"
    desk.configure("cost = 0.5", more)
    names = desk.pictures(3)
    desk.write("pairs.csv", ("probe", "gallery", "gallery_2"), [names, (*names[:2], "")])
    _, out, _ = desk.run("run", "pairs.csv", "--out", "job", "--route", "kyc", "--dry-run")
    assert "price: 1.00, up to 3.00 with every retry and failover" in out


def test_no_picture_outside_of_the_root_is_read(desk: Desk) -> None:
    inside, outside = desk.folder / "inside", desk.folder / "outside"
    inside.mkdir()
    outside.mkdir()
    for number, name in enumerate(desk.pictures(2)):
        (desk.folder / name).rename((inside, outside)[number] / f"{number}.png")
    (inside / "link.png").symlink_to(outside / "1.png")
    desk.configure(more=f"[batch]\nroot = '{inside}'")
    rows = [("0.png", "../outside/1.png"), ("link.png", "0.png"), (str(outside / "1.png"), "0.png")]
    desk.write("pairs.csv", ("probe", "gallery"), rows)
    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 0
    assert result(desk, "error_code, image, reason") == [
        ("InvalidRequest", image, "it lies outside of [batch] root")
        for image in ("gallery[0]", "probe", "probe")
    ]
    assert not desk.calls


def test_paths_start_from_the_folder_of_the_file(desk: Desk) -> None:
    (desk.folder / "lists").mkdir()
    names = desk.pictures(2)
    desk.write("lists/pairs.csv", ("probe", "gallery"), [[f"../{name}" for name in names]])
    assert desk.run("run", "lists/pairs.csv", "--out", "job")[0] == 0
    assert desk.calls.total() == 1


def test_who_did_not_agree_is_not_asked_about(desk: Desk) -> None:
    one, two = desk.pictures(2)
    columns = ("probe", "gallery", "subject", "consent_purpose", "consent_recipients")
    rows = [
        (one, two, "u1", "kyc", "Counted Ltd; Other Ltd"),
        (one, two, "u2", "kyc", "Other Ltd"),
        (one, two, "u3", "kyc", ""),
        (one, two, "", "", ""),
    ]
    desk.write("pairs.csv", columns, rows)
    desk.run("run", "pairs.csv", "--out", "job")
    assert result(desk, "error_code") == [
        (None,),
        ("ConsentRefused",),
        ("InvalidRequest",),
        (None,),
    ]
    assert desk.calls.total() == 2


def test_all_pairs_of_a_list_are_asked_once_each(desk: Desk) -> None:
    names = desk.pictures(5)
    rows = [(name, f"s{number % 2}") for number, name in enumerate(names)]
    desk.write("images.csv", ("image", "subject"), rows)
    code, out, _ = desk.run("run", "--all-pairs", "images.csv", "--out", "job", "--chunk", "3")
    assert (code, "10 of 10 rows" in out) == (0, True)
    assert (desk.calls.total(), len(desk.calls)) == (10, 10)
    found = result(desk, "probe, gallery, probe_subject, gallery_subject")
    expected = [
        (one, two, f"s{first % 2}", f"s{second % 2}")
        for first, one in enumerate(names)
        for second, two in enumerate(names)
        if first < second
    ]
    assert found == expected


def test_liveness_needs_no_gallery(desk: Desk) -> None:
    desk.write("selfies.csv", ("probe",), [[name] for name in desk.pictures(4)])
    code, _, _ = desk.run(
        "run",
        "selfies.csv",
        "--out",
        "job",
        "--operation",
        "liveness",
        "--liveness-threshold",
        "0.1",
    )
    assert code == 0
    found = result(desk, "liveness_score, liveness_passed, decision, score")
    assert all(passed == (score >= 0.1) for score, passed, _, _ in found)
    assert {row[3] for row in found} == {None}


def test_rows_are_asked_in_the_order_of_a_column_and_kept_in_their_own(desk: Desk) -> None:
    names = desk.pictures(4)
    rows = [(names[k % 2], names[2 + k // 2]) for k in range(4)]
    desk.write("pairs.csv", ("probe", "gallery"), rows)
    desk.run("run", "pairs.csv", "--out", "job", "--group-by", "probe", "--at-once", "1")
    asked = [line.split()[0] for line in desk.calls_file.read_text().splitlines()]
    assert asked[0] == asked[1] != asked[2] == asked[3]
    assert result(desk, "probe, gallery") == rows


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("failures = 2", "batch.failures"),
        ("mots = 3", "batch.mots: no such key; did you mean 'most'?"),
        ("most = true", "batch.most: must be a number"),
    ],
)
def test_a_wrong_batch_table_is_refused(desk: Desk, table: str, message: str) -> None:
    desk.configure(more=f"[batch]\n{table}")
    desk.pairs(1)
    code, _, err = desk.run("run", "pairs.csv", "--out", "job")
    assert (code, message in err) == (5, True), err


def test_the_batch_table_sets_what_the_command_leaves_open(desk: Desk) -> None:
    desk.configure("cost = 1", "[batch]\nmost = 3\nchunk = 2\nat_once = 1")
    desk.pairs(5)
    assert desk.run("run", "pairs.csv", "--out", "job")[0] == 3
    assert desk.calls.total() == 3
    assert (desk.folder / "job" / "parts" / "000000.json").exists()


def test_a_table_is_answered_in_the_form_it_came() -> None:
    fake = FakeProvider()
    pictures = [noise_of(number) for number in range(3)]
    rows = [
        {"probe": pictures[0], "gallery": pictures[1], "n": 7},
        {"probe": b"", "gallery": b"x", "n": 8},
    ]
    with FaceVerifier(fake) as verifier:
        first, second = answer(rows, verifier, Operation.COMPARE, threshold=0.5)
        assert (first["n"], first["decision"], first["threshold"]) == (7, "accept", 0.5)
        assert (second["n"], second["decision"], second["error_code"]) == (8, None, "ImageRejected")
        assert [*first] == ["probe", "gallery", "n", *RESULT]
        fake.will(no_match())
        columns = {"probe": pictures[:1], "gallery": [pictures[1:]]}
        found = answer(columns, verifier)
        assert (found["decision"], found["row"]) == (["reject"], [1])
        assert answer([], verifier) == []
        with pytest.raises(InvalidRequest, match="'score' is the result's"):
            answer([{"probe": b"", "score": 1}], verifier)


def noise_of(seed: int) -> Any:
    from facegate.testing.pictures import noise

    return noise(seed)


def test_files_may_have_their_columns_in_another_order(desk: Desk) -> None:
    one, two, three = desk.pictures(3)
    desk.write("a.csv", ("probe", "gallery", "n"), [(one, two, "1")])
    desk.write("b.csv", ("n", "gallery", "probe"), [("2", one, three)])
    assert desk.run("run", "a.csv", "b.csv", "--out", "job")[0] == 0
    assert result(desk, "probe, gallery, n") == [(one, two, "1"), (three, one, "2")]


def test_the_name_of_a_file_is_no_pattern(desk: Desk) -> None:
    one, two, three = desk.pictures(3)
    desk.write("g1.csv", ("probe", "gallery"), [(one, two)])
    desk.write("g[1].csv", ("probe", "gallery"), [(one, three)])
    assert desk.run("run", "g[1].csv", "--out", "job")[0] == 0
    assert result(desk, "gallery") == [(three,)]


def test_rows_may_be_grouped_by_a_column_that_is_only_kept(desk: Desk) -> None:
    one, two = desk.pictures(2)
    rows = [(one, two, note) for note in ("b", "a", "c")]
    desk.write("pairs.csv", ("probe", "gallery", "note"), rows)
    assert desk.run("run", "pairs.csv", "--out", "job", "--group-by", "note")[0] == 0
    assert result(desk, "note") == [("b",), ("a",), ("c",)]


@pytest.mark.parametrize("column", ["Gallery_2", "Subject", "consent_region"])
def test_a_column_that_is_nearly_one_that_is_read_is_refused(desk: Desk, column: str) -> None:
    one, two = desk.pictures(2)
    desk.write("pairs.csv", ("probe", "gallery", column), [(one, two, "x")])
    code, _, err = desk.run("run", "pairs.csv", "--out", "job")
    assert code == 2
    assert column in err


def test_no_number_is_no_limit_of_money(desk: Desk) -> None:
    desk.pairs(3)
    assert desk.run("run", "pairs.csv", "--out", "job", "--most", "nan")[0] == 2
    assert not desk.calls_file.exists()


def test_a_part_that_is_gone_is_not_paid_for_again(desk: Desk) -> None:
    desk.configure("cost = 1")
    desk.pairs(3)
    desk.run("run", "pairs.csv", "--out", "job")
    (desk.folder / "job" / "parts" / "000000.parquet").unlink()
    for command in (("run", "pairs.csv", "--out", "job"), ("status", "job")):
        code, _, err = desk.run(*command)
        assert code == 2
        assert "000000.parquet: gone, or not as it was written" in " ".join(err.split())
    assert desk.calls.total() == 3


def test_a_folder_that_was_moved_goes_on(desk: Desk) -> None:
    desk.configure("cost = 1")
    desk.pairs(4)
    desk.run("run", "pairs.csv", "--out", "job", "--chunk", "2", "--at-once", "1", "--most", "2")
    (desk.folder / "job").rename(desk.folder / "moved")
    assert desk.run("run", "pairs.csv", "--out", "moved", "--chunk", "2", "--at-once", "1")[0] == 0
    assert desk.calls.total() == len(result(desk, job="moved")) == 4


def test_a_file_that_changes_while_it_is_asked_is_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = desk.pictures(3)
    for name, gallery in (("a", two), ("b", three)):
        with duckdb.connect() as database:
            table = database.sql(f"SELECT '{one}' AS probe, '{gallery}' AS gallery")
            table.write_parquet(f"{name}.parquet")
    written = Writer.write

    def meanwhile(self: Writer, *arguments: Any) -> None:
        Path("b.parquet").replace("a.parquet")
        written(self, *arguments)

    monkeypatch.setattr(Writer, "write", meanwhile)
    code, _, err = desk.run("run", "a.parquet", "--out", "job")
    assert code == 2
    assert "was changed while its rows were asked" in " ".join(err.split())
    assert not list((desk.folder / "job" / "parts").glob("*.parquet"))


@pytest.mark.parametrize(
    "changed",
    [
        lambda data: data["identity"].update(chunk=9999),
        lambda data: data["identity"].update(threshold="0.01"),
        lambda data: data.pop("identity"),
        lambda data: data.pop("source"),
    ],
    ids=["chunk", "threshold", "no identity", "no source"],
)
def test_a_job_that_was_changed_by_hand_is_refused(desk: Desk, changed: Any) -> None:
    desk.pairs(3)
    desk.run("run", "pairs.csv", "--out", "job")
    path = desk.folder / "job" / "job.json"
    data = json.loads(path.read_text())
    changed(data)
    path.write_text(json.dumps(data))
    for command in (("run", "pairs.csv", "--out", "job"), ("status", "job")):
        code, _, err = desk.run(*command)
        assert code == 2
        assert "job.json is not as it was written" in " ".join(err.split())


@pytest.mark.parametrize("text", ["[]", "{}", '{"job": ', "", "null"])
def test_what_is_no_job_is_told_so(desk: Desk, text: str) -> None:
    desk.pairs(3)
    desk.run("run", "pairs.csv", "--out", "job")
    (desk.folder / "job" / "job.json").write_text(text)
    assert desk.run("status", "job")[0] == desk.run("run", "pairs.csv", "--out", "job")[0] == 2


def test_no_text_that_may_be_a_picture_is_copied_into_the_result(desk: Desk) -> None:
    one, two = desk.pictures(2)
    uri = "data:image/png;base64," + base64.b64encode(Path(two).read_bytes()).decode()
    rows = [f" {uri}", "x" * 5000]
    with duckdb.connect() as database:
        listed = database.sql(
            "SELECT $probe AS probe, [$two, each] AS gallery FROM (SELECT unnest($rows) AS each)",
            params={"probe": one, "two": two, "rows": rows},
        )
        listed.write_parquet("pairs.parquet")
    desk.run("run", "pairs.parquet", "--out", "job")
    galleries = [gallery for (gallery,) in result(desk, "gallery")]
    assert [first for first, _ in galleries] == [two, two]
    assert all(second.startswith("sha256:") for _, second in galleries)
