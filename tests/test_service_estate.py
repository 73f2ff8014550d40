"""The estate over HTTP: routes, providers, trials, and the journal with its proof."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from facegate.journal import Journal
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.split import Arm, Split
from journals import journal
from natives import PAIRS, Judge, body, database, encoded, native
from scripted import Vendor, route

pytestmark = pytest.mark.slow


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Journal]:
    with journal(database(tmp_path)) as opened:
        yield opened


def test_routes_are_drawn_with_whom_they_would_ask_now(kept: Journal) -> None:
    inner = Failover("inner", [Leaf(Vendor("first")), Leaf(Vendor("second"))])
    arms = {"inner": Arm(0.9, inner), "new": Arm(0.1, Leaf(Vendor("new")))}
    with native(route(Split("trial", arms, b"key")), journal=kept) as client:
        (told,) = client.get("/v1/routes").json()["routes"]
    assert (told["name"], told["default"], told["operations"]) == ("kyc", True, ["compare"])
    tree = told["tree"]
    assert (tree["kind"], [each["weight"] for each in tree["children"]]) == ("split", [0.9, 0.1])
    first, second = tree["children"][0]["children"]
    assert (first["name"], first["asked_now"]) == ("first", True)
    assert (second["name"], second["asked_now"]) == ("second", False)


def test_providers_are_told_with_their_figures_of_the_hour(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        for _ in range(3):
            client.post("/v1/compare", json=body())
        (told,) = client.get("/v1/providers").json()["providers"]
    assert (told["name"], told["plugin"], told["lineage"]) == ("main", "acme", "acme-1")
    assert told["operations"] == ["compare", "compare_live", "liveness"]
    assert (told["hour"]["requests"], told["hour"]["errors"]) == (3, 0)
    assert (told["resting"], told["unable"], told["calibration"]) == ([], {}, None)


def test_a_trial_is_told_in_statements(kept: Journal) -> None:
    split = Split("kyc", {name: Arm(0.5, Leaf(Vendor(name))) for name in ("main", "new")}, b"key")
    with native(route(split), journal=kept) as client:
        for number in range(4):
            client.post("/v1/compare", json=body(subject=f"person {number}"))
        told = client.get("/v1/trial", params={"route": "kyc"}).json()
    assert told["route"] == "kyc"
    assert told["headline"]
    assert {"kind", "about", "text"} == set(told["statements"][0])
    assert [each["title"] for each in told["tables"]] == ["People", "Requests"]
    assert told["tables"][0]["head"][0] == ""


def test_a_route_without_a_trial_has_none_to_tell_of(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body())
        said = client.get("/v1/trial")
        assert (said.status_code, said.json()["code"]) == (404, "NoTrial")
        said = client.get("/v1/trial", params={"route": "elsewhere"})
        assert (said.status_code, said.json()["code"]) == (400, "InvalidRequest")


def test_a_trial_that_nobody_was_asked_in_has_nothing_to_tell(kept: Journal) -> None:
    split = Split("kyc", {"main": Arm(1, Leaf(Vendor("main")))}, b"key")
    with native(route(split), journal=kept) as client:
        said = client.get("/v1/trial")
    assert (said.status_code, said.json()["code"]) == (404, "NoTrial")


def test_the_journal_tells_its_extent_and_proves_itself_line_by_line(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body())
        extent = client.get("/v1/journal").json()
        with client.stream("POST", "/v1/journal/verification") as said:
            lines = [json.loads(line) for line in said.iter_lines()]
    assert said.headers["content-type"] == "application/x-ndjson"
    assert extent["records"] == lines[-1]["done"] == lines[-1]["of"]
    assert (lines[-1]["state"], lines[-1]["problems"]) == ("done", [])
    assert lines[-1]["head"] == extent["head"]
    assert lines[-1]["proves"]


def test_a_journal_is_held_against_a_head_that_was_written_down(kept: Journal) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/compare", json=body())
        head = client.get("/v1/journal").json()["head"]
        number = head.partition(":")[0]
        for expected, problems in ((head, 0), (f"{number}:{'0' * 64}", 1)):
            said = client.post("/v1/journal/verification", json={"expected": expected})
            assert len(json.loads(said.text.splitlines()[-1])["problems"]) == problems
        for expected in ("yesterday", "1:", ":", "9" * 40 + ":ff"):
            said = client.post("/v1/journal/verification", json={"expected": expected})
            assert said.status_code == 400, said.text


def test_a_record_that_was_changed_is_found(kept: Journal, tmp_path: Path) -> None:
    with native(Judge(), journal=kept) as client:
        client.post("/v1/liveness", json={"probe": encoded(PAIRS[0][0])})
        with sqlite3.connect(tmp_path / "journal.db") as database:
            database.execute("UPDATE facegate_records SET decision = 'accept'")
        database.close()
        last = json.loads(client.post("/v1/journal/verification").text.splitlines()[-1])
    assert last["state"] == "done"
    assert last["problems"]


def test_one_at_a_time_reads_the_whole_journal(
    kept: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, end = threading.Event(), threading.Event()
    verify = kept.verify

    def slow(*arguments: Any) -> Any:
        begun.set()
        end.wait()
        return verify(*arguments)

    monkeypatch.setattr(kept, "verify", slow)
    with (
        native(Judge(), journal=kept) as client,
        client.stream("POST", "/v1/journal/verification") as first,
    ):
        try:
            assert begun.wait(60)
            again = client.post("/v1/journal/verification")
            assert (again.status_code, again.headers["retry-after"]) == (429, "10")
            assert client.get("/v1/journal").status_code == 200
        finally:
            end.set()
        assert json.loads(first.read().splitlines()[-1])["state"] == "done"
