"""Score lists and matrices: what is read of them, and what is refused, naming the line."""

from __future__ import annotations

import gzip
import lzma
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from evaluation import crossed

from evaluated import pairs_of, written
from facegate.errors import InvalidRequest
from facegate.evaluation.evaluation import Evaluation
from facegate.evaluation.matrices import score_matrix
from facegate.evaluation.paired import paired
from facegate.evaluation.readers import check_labels, score_list
from facegate.evaluation.scores import FAILED, Scores

ROWS: list[dict[str, Any]] = [
    {"score": 0.9, "genuine": "true", "probe_subject": "ann", "gallery_subject": "ann"},
    {"score": 0.8, "genuine": "true", "probe_subject": "bob", "gallery_subject": "bob"},
    {"score": 0.4, "genuine": "false", "probe_subject": "ann", "gallery_subject": "bob"},
    {"score": 0.1, "genuine": "false", "probe_subject": "bob", "gallery_subject": "cat"},
]


def with_column(name: str, *values: object) -> list[dict[str, Any]]:
    return [{**row, name: value} for row, value in zip(ROWS, values, strict=True)]


def read(path: Path, rows: list[dict[str, Any]], **options: Any) -> Scores:
    return score_list(written(path / "scores.csv", rows), **options)


def test_a_list_has_genuine_and_impostor_pairs_of_people(tmp_path: Path) -> None:
    scores = read(tmp_path, ROWS)
    assert scores.name == "scores"
    assert scores.genuine.closeness.tolist() == [0.9, 0.8]
    assert scores.impostor.closeness.tolist() == [0.4, 0.1]
    assert scores.people == 3
    assert [unit.tolist() for unit in scores.genuine.units] == [[0, 1]]
    assert [unit.tolist() for unit in scores.impostor.units] == [[0, 1], [1, 2]]


def test_a_spreadsheet_may_write_semicolons(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("\ufeffscore;genuine\n0.9;true\n0.8;false\n0.7;perhaps\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="line 4: genuine is none of"):
        score_list(path)


@pytest.mark.parametrize("suffix", ["csv", "csv.gz", "csv.xz", "parquet"])
def test_the_same_list_in_any_file_is_the_same(tmp_path: Path, suffix: str) -> None:
    plain = written(tmp_path / "plain.csv", ROWS)
    path = tmp_path / f"scores.{suffix}"
    match suffix:
        case "csv.gz":
            path.write_bytes(gzip.compress(plain.read_bytes()))
        case "csv.xz":
            path.write_bytes(lzma.compress(plain.read_bytes()))
        case "parquet":
            duckdb.read_csv(str(plain)).write_parquet(str(path))
        case _:
            path.write_bytes(plain.read_bytes())
    scores = score_list(path)
    assert scores.name == "scores"
    assert scores.genuine.closeness.tolist() == [0.9, 0.8]
    assert scores.people == 3


@pytest.mark.parametrize("words", [("genuine", "impostor"), ("TRUE", "False"), (1, 0)])
@pytest.mark.parametrize("column", ["genuine", "label"])
def test_labels_are_words_that_people_write(
    tmp_path: Path, column: str, words: tuple[object, object]
) -> None:
    rows = [{"score": index, column: words[index % 2], "anything": "else"} for index in range(6)]
    scores = read(tmp_path, rows)
    assert (len(scores.genuine), len(scores.impostor)) == (3, 3)
    assert scores.people is None


def test_who_is_genuine_follows_from_people_who_are_named(tmp_path: Path) -> None:
    rows = [{name: row[name] for name in row if name != "genuine"} for row in ROWS]
    assert len(read(tmp_path, rows).genuine) == 2


def test_a_distance_is_closer_where_it_is_lower(tmp_path: Path) -> None:
    scores = read(tmp_path, ROWS, lower_is_closer=True)
    assert scores.genuine.closeness.tolist() == [-0.9, -0.8]
    assert scores.on_scale(-0.9) == 0.9


def test_failures_in_capture_are_told_from_outages(tmp_path: Path) -> None:
    errors = ("CaptureRejected", "", "ImageRejected", "ProviderTimeout")
    rows = with_column("error_code", *errors)
    for row, image, score in zip(
        rows, ("probe", "", "gallery[0]", ""), ("", 0.8, "", ""), strict=True
    ):
        row |= {"image": image, "score": score, "reason": "EYES_CLOSED" if image == "probe" else ""}
    rows.append({**rows[1], "score": 0.7})
    scores = read(tmp_path, rows)
    assert scores.genuine.closeness.tolist() == [FAILED, 0.8, 0.7]
    assert scores.impostor.closeness.tolist() == [FAILED]
    failures = scores.failures
    assert (failures.asked, failures.fta, failures.fte, failures.outages) == (5, 1, 1, 1)
    assert failures.reasons == {"EYES_CLOSED": 1, "ImageRejected": 1}
    assert failures.errors == {"ProviderTimeout": 1}
    assert failures.incomplete
    assert scores.genuine.refused_probe is not None
    assert scores.genuine.refused_probe.tolist() == [True, False, False]


def test_rows_after_an_outage_keep_their_ids(tmp_path: Path) -> None:
    rows = with_column("error_code", "ProviderTimeout", "", "", "")
    for number, row in enumerate(rows):
        row["id"] = f"pair-{number}"
    scores = read(tmp_path, rows)
    assert list(scores.names_of(scores.impostor.rows.tolist())) == ["pair-2", "pair-3"]


def test_a_score_may_stand_for_a_failure(tmp_path: Path) -> None:
    rows = [*ROWS, {**ROWS[0], "score": -1}]
    scores = read(tmp_path, rows, failed_score=-1)
    assert scores.genuine.closeness.tolist() == [0.9, 0.8, FAILED]
    assert scores.failures.reasons == {"failed score": 1}


def test_what_a_batch_wrote_tells_threshold_provider_time_and_cost(tmp_path: Path) -> None:
    rows = with_column("provider", *["main"] * 4)
    for row, seconds in zip(rows, (0.4, 0.1, 0.2, 0.3), strict=True):
        row |= {"threshold": 0.5, "scale": "s", "seconds": seconds, "cost": 0.05}
        row["decision"] = "accept" if row["score"] > 0.5 else "reject"
    scores = read(tmp_path, rows)
    assert (scores.name, scores.threshold, scores.scale) == ("main", 0.5, "s")
    assert scores.latency is not None
    assert scores.latency.p50 == 0.2
    assert scores.cost_per_decision == pytest.approx(0.05)
    assert scores.genuine.accepted is not None
    assert scores.genuine.accepted.all()


def test_a_system_that_said_no_before_it_compared_counts_as_no_match(tmp_path: Path) -> None:
    rows = with_column("decision", "accept", "reject", "reject", "reject")
    rows[1]["score"] = ""
    scores = read(tmp_path, rows)
    assert scores.genuine.closeness.tolist() == [0.9, FAILED]
    assert scores.failures.reasons == {"no score": 1}


def test_attacks_are_by_species_and_in_no_comparison(tmp_path: Path) -> None:
    rows = with_column("species", "", "", "", "mask")
    rows[3] |= {"genuine": "true", "gallery_subject": "bob"}
    for row, live in zip(rows, (0.9, 0.8, 0.7, 0.3), strict=True):
        row |= {"liveness_score": live, "decision": "reject", "instrument": f"m{live}"}
    scores = read(tmp_path, rows)
    assert len(scores.genuine) == 2
    assert scores.bona_fide.closeness.tolist() == [0.9, 0.8, 0.7]
    assert {name: each.closeness.tolist() for name, each in scores.attacks.items()} == {
        "mask": [0.3]
    }


def test_a_list_of_presentations_has_liveness_scores(tmp_path: Path) -> None:
    rows = [
        {"label": "bona_fide", "species": "", "score": "", "liveness_score": 0.9},
        {"label": "attack", "species": "print", "score": "", "liveness_score": 0.2},
        {"label": "attack", "species": "", "score": "", "liveness_score": 0.3},
    ]
    scores = read(tmp_path, rows)
    assert scores.bona_fide.closeness.tolist() == [0.9]
    assert list(scores.attacks) == ["print", "attack"]
    assert not scores.compared


def test_groups_are_of_both_sides(tmp_path: Path) -> None:
    rows = with_column("group_site", "north", "north", "south", "")
    for row in rows:
        row |= {"probe_group_sex": "f", "gallery_group_sex": "m", "device": "phone"}
    scores = read(tmp_path, rows)
    assert scores.group_names == {
        "device": ["phone"],
        "sex": ["f", "m"],
        "site": ["north", "south"],
    }
    probe, gallery = scores.impostor.groups["sex"]
    assert (probe.tolist(), gallery.tolist()) == ([0, 0], [1, 1])
    assert scores.impostor.groups["site"][0].tolist() == [1, -1]
    assert list(read(tmp_path, rows, groups=["site"]).group_names) == ["site"]


def test_a_pair_that_is_there_again_counts_once(tmp_path: Path) -> None:
    rows = with_column("probe", "a1", "b1", "a1", "b1")
    for row, gallery in zip(rows, ("a2", "b2", "b1", "c1"), strict=True):
        row["gallery"] = gallery
    again = {**rows[0], "score": 0.7}
    mirrored = {**rows[3], "probe": "c1", "gallery": "b1", "score": 0.1}
    mirrored |= {"probe_subject": "cat", "gallery_subject": "bob"}
    other = {**mirrored, "probe": "b1", "gallery": "a1", "score": 0.45}
    other |= {"probe_subject": "bob", "gallery_subject": "ann"}
    scores = read(tmp_path, [*rows, again, mirrored, other])
    assert (scores.dropped.duplicates, scores.dropped.mirrored) == (1, 1)
    assert scores.genuine.closeness.tolist() == [0.9, 0.8]
    assert scores.impostor.closeness.tolist() == [0.4, 0.1, 0.45]


def test_a_list_that_has_each_impostor_pair_both_ways_counts_each_once(tmp_path: Path) -> None:
    rows = pairs_of(crossed(12))
    both = [
        {**row, "probe_subject": row["gallery_subject"], "gallery_subject": row["probe_subject"]}
        for row in rows
        if row["probe_subject"] != row["gallery_subject"]
    ]
    scores = read(tmp_path, rows + both)
    assert scores.dropped.mirrored == len(scores.impostor) == 66


REFUSED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "no score": (
        [{"genuine": "true"}],
        "line 1: no column is called score",
    ),
    "no truth": ([{"score": 1}], "line 1: no column says what is true: genuine, or label"),
    "a word": (
        with_column("score", 0.9, "high", 0.4, 0.1),
        "line 3: score is no number up to",
    ),
    "nothing": (with_column("score", 0.9, 0.8, "", 0.1), "line 4: score is no number up to"),
    "infinite": (with_column("score", 0.9, 0.8, 0.4, "inf"), "line 5: score is no number up to"),
    "nan": (with_column("score", "nan", 0.8, 0.4, 0.1), "line 2: score is no number up to"),
    "constant": (with_column("score", 1, 1, 1, 1), "all scores are the same"),
    "a label": (
        with_column("genuine", "true", "maybe", "false", "false"),
        "line 3: genuine is none of bona_fide, attack, genuine",
    ),
    "nobody": (
        with_column("probe_subject", "ann", "bob", "", "bob"),
        "line 4: probe_subject is empty",
    ),
    "not oneself": (
        with_column("genuine", "true", "false", "false", "false"),
        "line 3: an impostor, of one and the same person",
    ),
    "not others": (
        with_column("genuine", "true", "true", "true", "false"),
        "line 4: genuine, of two different people",
    ),
    "scales": (with_column("scale", "a", "a", "b", "b"), "scores on several scales, a, b"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_figure_can_be_made_of_is_refused(tmp_path: Path, case: str) -> None:
    rows, why = REFUSED[case]
    with pytest.raises(InvalidRequest, match=why):
        read(tmp_path, rows)


def test_a_line_is_named_as_an_editor_counts_it(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text('score,genuine,note\n0.9,true,"two\nlines"\n\n0.8,maybe,\n0.7,false,\n')
    with pytest.raises(InvalidRequest, match=r"scores\.csv, line 5: genuine is none of"):
        score_list(path)


def test_a_pair_with_two_labels_is_refused(tmp_path: Path) -> None:
    rows = [
        {"probe": "a", "gallery": "b", "genuine": "true", "score": 0.9},
        {"probe": "c", "gallery": "d", "genuine": "false", "score": 0.1},
        {"probe": "b", "gallery": "a", "genuine": "false", "score": 0.9},
    ]
    why = r"line 4: another label than in scores\.csv, line 2, of the same two pictures"
    with pytest.raises(InvalidRequest, match=why):
        read(tmp_path, rows)
    for row in rows:
        del row["score"]
    with pytest.raises(InvalidRequest, match=why):
        check_labels(written(tmp_path / "scores.csv", rows))
    check_labels(written(tmp_path / "scores.csv", rows[:2]))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no answers"),
        ("score,genuine\n", "holds no answers"),
        ("score,score\n", "line 1: two columns of one name"),
        ("score,genuine\n1,true\n2,true,3\n", "line 3: not as many values as there are names"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "scores.csv"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=why):
        score_list(path)


@pytest.mark.parametrize("name", ["gone.csv", "gone.parquet", "gone.csv.xz"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidRequest, match=f"cannot read {name}: No such file"):
        score_list(tmp_path / name)


@pytest.mark.parametrize("name", ["wrong.parquet", "wrong.csv.xz", "wrong.csv.gz"])
def test_a_file_of_another_kind_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(InvalidRequest, match=f"{name} is no .* that can be read"):
        score_list(tmp_path / name)


def test_groups_that_are_not_there_are_named(tmp_path: Path) -> None:
    rows = with_column("group_sex", "f", "m", "f", "m")
    with pytest.raises(InvalidRequest, match="no column is called group_age; groups are by sex"):
        read(tmp_path, rows, groups=["age"])


def matrix_file(path: Path, scores: np.ndarray, names: str = "abcdef") -> Path:
    size = len(scores)
    lines = [",".join(["", *names[:size]])]
    lines += [",".join([names[row], *map(repr, scores[row].tolist())]) for row in range(size)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_matrix_has_genuine_pairs_where_the_ids_are_the_same(tmp_path: Path) -> None:
    values = np.arange(9.0).reshape(3, 3)
    scores = score_matrix(matrix_file(tmp_path / "m.csv", values), failed_score=1)
    assert scores.genuine.closeness.tolist() == [0, 4, 8]
    assert scores.impostor.closeness.tolist() == [FAILED, 2, 3, 5, 6, 7]
    assert scores.people == 3
    assert list(scores.names_of(scores.impostor.rows[:2].tolist())) == ["a, b", "a, c"]
    assert scores.failures.unsided == 1


def test_a_matrix_is_that_of_the_same_pairs_in_a_list(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((5, 5))
    matrix = score_matrix(matrix_file(tmp_path / "m.csv", values))
    rows = [
        {"probe_subject": one, "gallery_subject": two, "score": float(values[i, j])}
        for i, one in enumerate("abcde")
        for j, two in enumerate("abcde")
    ]
    listed = read(tmp_path, rows)
    for ours, theirs in ((matrix.genuine, listed.genuine), (matrix.impostor, listed.impostor)):
        assert np.array_equal(ours.closeness, theirs.closeness)
        assert all(map(np.array_equal, ours.units, theirs.units))


def test_a_symmetric_matrix_counts_once(tmp_path: Path) -> None:
    values = np.random.default_rng(1).random((6, 6))
    scores = score_matrix(matrix_file(tmp_path / "m.csv", values + values.T))
    assert scores.dropped.mirrored == len(scores.impostor) == 15
    assert len(scores.genuine) == 6


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (",a,b\na,1,2\nb,3\n", "line 3: 1 scores for 2 columns"),
        (",a,b\na,1,2\nb,x,4\n", "line 3, column a: score is no number up to"),
        (",a,b\nc,1,2\n", "no row carries the id of a column"),
        (",a,b\na,1,1\nb,1,1\n", "all scores are the same"),
    ],
)
def test_a_matrix_that_is_none_is_refused(tmp_path: Path, text: str, why: str) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=why):
        score_matrix(path)


def test_a_split_has_nobody_on_both_sides() -> None:
    scores = crossed(40)
    first, second = scores.split(0.5)
    people = [
        {int(code) for unit in part.impostor.units for code in unit} for part in (first, second)
    ]
    assert len(people[0]) == len(people[1]) == 20
    assert not people[0] & people[1]
    assert first.people == second.people == 20
    assert len(first.impostor) == len(second.impostor) == 190


def test_people_who_are_not_known_cannot_be_split(tmp_path: Path) -> None:
    unknown = read(tmp_path, [{"score": 1, "genuine": 1}, {"score": 0, "genuine": 0}])
    with pytest.raises(InvalidRequest, match="people who are not known cannot be split"):
        unknown.split(0.5)
    with pytest.raises(InvalidRequest, match="one part without pairs"):
        replace(crossed(2)).split(0.5)


def test_pairs_with_a_species_are_attacks_on_the_whole_system(tmp_path: Path) -> None:
    rows = [
        ("probe_subject", "gallery_subject", "species", "score", "decision"),
        *(
            (
                f"p{one}",
                f"p{two}",
                "",
                0.9 - 0.5 * (one != two),
                "accept" if one == two else "reject",
            )
            for one in range(4)
            for two in range(4)
        ),
        *(
            (f"p{one}", f"p{one}", "mask", 0.8, "accept" if one < 1 else "reject")
            for one in range(4)
        ),
    ]
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows), encoding="utf-8")
    found = Evaluation.of(score_list(path))
    assert found.genuine == 4
    assert found.attacks is not None
    assert found.attacks.worst_species.iapar is not None
    assert found.attacks.worst_species.iapar.errors == 1


def test_two_lists_are_paired_by_people_and_place_where_nothing_else_tells(tmp_path: Path) -> None:
    rows = [(f"p{one}", f"p{two}", 0.9 - 0.3 * (one != two) - 0.01 * one - 0.003 * two)
            for one in range(5) for two in range(5)]  # fmt: skip
    shuffled = [rows[1], rows[0], *rows[2:]]
    first, second = (
        score_list(_listed(tmp_path / f"{name}.csv", each))
        for name, each in (("one", rows), ("two", shuffled))
    )
    found = paired(first, second)
    assert found.rank_correlation == pytest.approx(1)
    assert found.left_out == 4


def _listed(path: Path, rows: Sequence[tuple[str, str, float]]) -> Path:
    lines = ["probe_subject,gallery_subject,score", *(",".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("read", [score_list, score_matrix])
@pytest.mark.parametrize("content", [b"no gzip at all", gzip.compress(os.urandom(999))[:500]])
def test_a_damaged_archive_is_told_so(tmp_path: Path, read: Any, content: bytes) -> None:
    path = tmp_path / "scores.csv.gz"
    path.write_bytes(content)
    with pytest.raises(InvalidRequest, match=r"scores\.csv\.gz is no CSV"):
        read(path)


@pytest.mark.parametrize("row", ["1e308,true,a,a", f"0.5,true,a,{'a' * 200_000}"])
def test_values_beyond_all_measure_are_refused_by_name(tmp_path: Path, row: str) -> None:
    path = tmp_path / "scores.csv"
    head = "score,genuine,probe_subject,gallery_subject"
    path.write_text("\n".join([head, "0.1,false,a,b", "-1e308,false,b,c", row]), encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"scores\.csv"):
        score_list(path)


def test_a_symmetric_matrix_counts_once_though_scores_cancel(tmp_path: Path) -> None:
    people = ["a", "b", "c"]
    scores = {("a", "b"): 0.1, ("a", "c"): 0.2, ("b", "c"): -0.3}
    table = [
        [scores.get((one, two), scores.get((two, one), 0.9)) for two in people] for one in people
    ]
    path = tmp_path / "matrix.csv"
    rows = [",".join(["", *people])]
    rows += [",".join([one, *map(str, row)]) for one, row in zip(people, table, strict=True)]
    path.write_text("\n".join(rows), encoding="utf-8")
    found = score_matrix(path)
    assert (len(found.impostor), found.dropped.mirrored) == (3, 3)
