"""What a killed batch leaves behind: no answer lost, and none asked twice that was written down."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from batches import Desk, result, status
from facegate import ConfigurationError, InvalidRequest
from facegate.batch.lease import Lease
from facegate.batch.ledger import Ledger, Replay, Superseded, path_of
from installed import Site

AT_ONCE = 5
RUN = ("run", "pairs.csv", "--at-once", str(AT_ONCE), "--chunk", "200", "--out")


@pytest.fixture
def desk(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    desk = Desk(here, site, capsys)
    yield desk
    desk.close()


def asked_twice(desk: Desk) -> int:
    """How many calls were too many."""
    return desk.calls.total() - len(desk.calls)


@pytest.mark.slow
def test_ten_kills_lose_no_answer_and_repeat_no_more_than_was_in_flight(desk: Desk) -> None:
    """Each comes at a moment of its own, from the first call on."""
    rows = 500
    desk.configure("cost = 0.05\nseconds = 0.01")
    desk.pairs(rows)
    desk.run(*RUN, "undisturbed")
    desk.calls_file.unlink()
    dice, kills = random.Random(20), 0
    written = 0
    for _ in range(10):
        code, _, _ = desk.fated(f"after {dice.uniform(0.001, 0.2)}", *RUN, "job", "--most", "35")
        if code == 0:
            break
        assert code == -signal.SIGALRM
        kills += 1
        found = status(desk)["answered_or_failed"]
        assert found >= written
        written = found
    assert kills >= 5

    code, _, _ = desk.fated("", *RUN, "job", "--most", "35")

    assert code == 0
    assert len(desk.calls) == rows
    assert asked_twice(desk) <= kills * AT_ONCE
    # Whether a row was asked a moment before the kill, or about to be, nobody can tell.
    assert asked_twice(desk) <= status(desk)["perhaps_charged_twice"] <= kills * AT_ONCE
    assert 0.05 * desk.calls.total() <= status(desk)["cost"] + 1e-9 <= 35
    same = "* EXCLUDE (seconds, request_id)"
    assert result(desk, same) == result(desk, same, "undisturbed")


@pytest.mark.slow
def test_a_limit_of_money_holds_through_kills(desk: Desk) -> None:
    desk.configure("cost = 0.05\nseconds = 0.005")
    desk.pairs(300)
    for call in (40, 30, 90):
        code, _, _ = desk.fated(f"9 at {call}", *RUN, "job", "--most", "10")
        assert code == -signal.SIGKILL
    code, _, _ = desk.fated("", *RUN, "job", "--most", "10")
    assert code == 3
    assert 0.05 * desk.calls.total() <= 10


@pytest.mark.slow
def test_a_job_outlives_a_worker_that_is_killed(desk: Desk) -> None:
    desk.configure("seconds = 0.002")
    desk.pairs(600)
    code, _, err = desk.fated("worker at 50", *RUN, "job", "--workers", "2")
    assert code == 0, err
    assert (desk.folder / "it happened").exists()
    assert len(desk.calls) == 600
    # The pool ends the other worker, too.
    assert asked_twice(desk) <= 2 * AT_ONCE
    assert len(result(desk)) == 600


@pytest.mark.slow
def test_a_chunk_that_kills_each_worker_ends_the_run(desk: Desk) -> None:
    desk.pairs(20)
    code, _, err = desk.fated("9 at 1", *RUN, "job", "--workers", "2")
    assert (code, "workers were killed 3 times" in err) == (5, True), err
    assert desk.calls.total() <= 3 * AT_ONCE
    assert desk.fated("", *RUN, "job", "--workers", "2")[0] == 0
    assert len(desk.calls) == len(result(desk)) == 20


@pytest.mark.slow
def test_workers_end_with_the_run_that_began_them(desk: Desk) -> None:
    """Whoever begins the next run finds none at work, and goes on."""
    desk.configure("seconds = 0.002")
    desk.pairs(600)
    code, _, _ = desk.fated("run at 50", *RUN, "job", "--workers", "2")
    assert code == -signal.SIGKILL
    code, _, err = desk.fated("", *RUN, "job", "--workers", "2")
    assert code == 0, err
    assert len(desk.calls) == 600
    assert asked_twice(desk) <= 2 * AT_ONCE


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_job_waits_for_what_is_in_flight(desk: Desk, workers: int) -> None:
    desk.configure("seconds = 0.002")
    desk.pairs(600)
    fate = f"{int(signal.SIGINT)} at 50" if workers == 1 else "interrupt at 50"
    code, _, _ = desk.fated(fate, *RUN, "job", "--workers", str(workers))
    assert code == 130
    assert status(desk)["answered_or_failed"] == desk.calls.total() < 600
    assert desk.fated("", *RUN, "job", "--workers", str(workers))[0] == 0
    assert (desk.calls.total(), asked_twice(desk)) == (600, 0)


@pytest.mark.slow
def test_rows_that_were_in_flight_can_be_left_alone(desk: Desk) -> None:
    desk.configure("cost = 1")
    desk.pairs(100)
    assert desk.fated("9 at 20", *RUN, "job")[0] == -signal.SIGKILL
    code, _, _ = desk.run(*RUN, "job", "--unknown", "skip")
    assert code == 0
    assert asked_twice(desk) == 0
    skipped = result(desk, "error_code, billed, cost")
    left = [row for row in skipped if row[0]]
    assert left == [("Interrupted", "maybe", 1.0)] * len(left)
    assert 0 < len(left) <= AT_ONCE


@pytest.mark.slow
def test_rows_that_are_asked_again_survive_a_kill(desk: Desk) -> None:
    desk.configure("cost = 1")
    desk.pairs(60)
    (desk.folder / "down").touch()
    desk.run(*RUN, "job")
    (desk.folder / "down").unlink()
    assert desk.calls.total() == 60
    assert desk.fated("9 at 30", *RUN, "job", "--again", "failed")[0] == -signal.SIGKILL
    assert desk.run(*RUN, "job", "--again", "failed")[0] == 0
    assert 120 <= desk.calls.total() <= 120 + AT_ONCE
    assert all(decision for (decision,) in result(desk, "decision"))
    assert status(desk)["cost"] >= 60


@pytest.mark.slow
def test_a_full_disk_stops_a_job_that_goes_on_once_there_is_room(desk: Desk) -> None:
    desk.pairs(300)
    code, _, err = desk.fated("disk 20000", *RUN, "job")
    assert (code, "File too large" in err) == (2, True), err
    assert 0 < status(desk)["answered_or_failed"] < 300
    assert desk.run(*RUN, "job")[0] == 0
    assert len(desk.calls) == len(result(desk)) == 300
    assert asked_twice(desk) <= AT_ONCE


def begun(folder: Path, number: int = 1) -> Lease:
    """A lease of which nothing but the number counts."""
    return Lease(folder / "runs", number)


def answers(*rows: int) -> list[dict[str, Any]]:
    return [{"row": row, "decision": "accept", "cost": 1.0} for row in rows]


def test_a_torn_last_line_is_cut(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 7, begun(tmp_path), durable=True)
    ledger.commit([{"asking": [1, 2], "worst": 2.0}, *answers(1)])
    ledger.close()
    with path_of(tmp_path, 7, 1).open("ab") as file:
        file.write(b'{"row": 2, "decisi')
    seen = Replay().read(tmp_path, 7)
    assert (set(seen.answers), seen.asking, seen.spent) == ({1}, {2: 1.0}, 2.0)


@pytest.mark.parametrize(
    "damage", [b"{?}\n", b"\0\0\0\n", b"[1]\n", b'{"row": 3}\n{"again": [9]}\n']
)
def test_a_line_that_is_damaged_in_the_middle_is_named(tmp_path: Path, damage: bytes) -> None:
    ledger = Ledger(tmp_path, 7, begun(tmp_path), durable=False)
    ledger.commit(answers(1, 2))
    ledger.close()
    with path_of(tmp_path, 7, 1).open("ab") as file:
        file.write(damage + b'{"row": 4, "decision": "accept"}\n')
    line = 3 + damage.count(b"\n") - 1
    with pytest.raises(InvalidRequest, match=rf"000007\.1\.jsonl, line {line}: damaged"):
        Replay().read(tmp_path, 7)


def test_a_write_that_fails_leaves_whole_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(tmp_path, 7, begun(tmp_path), durable=True)
    ledger.commit(answers(1))
    write = os.write

    def full(file: int, data: bytes) -> int:
        if len(data) > 10:
            return write(file, data[:10])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(InvalidRequest, match="No space left on device; what was answered is kept"):
        ledger.commit(answers(2))
    monkeypatch.undo()
    ledger.commit(answers(3))
    ledger.close()
    assert set(Replay().read(tmp_path, 7).answers) == {1, 3}


def test_of_two_workers_on_a_chunk_the_later_one_goes_on(tmp_path: Path) -> None:
    """As where an engine takes one for dead that only slept."""
    early = Ledger(tmp_path, 7, begun(tmp_path), durable=True)
    early.commit([{"asking": [1], "worst": 1.0}])
    late = Ledger(tmp_path, 7, begun(tmp_path), durable=True)
    assert set(late.seen.asking) == {1}
    with pytest.raises(Superseded):
        early.commit([{"asking": [2], "worst": 1.0}])
    late.commit([{"asking": [3], "worst": 1.0}])
    for each in (early, late):
        each.close()


def test_a_worker_of_an_earlier_run_asks_no_more(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path, 7, begun(tmp_path), durable=True)
    ledger.commit(())
    begun(tmp_path, 2).folder.mkdir()
    begun(tmp_path, 2).path.touch()
    with pytest.raises(Superseded):
        ledger.commit([{"asking": [1], "worst": 1.0}])
    ledger.close()


def test_one_run_at_a_time_works_on_a_job(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path)
    with pytest.raises(ConfigurationError, match=f"process {os.getpid()} on"):
        Lease.take(tmp_path)
    lease.release()
    assert Lease.take(tmp_path).number == 2


def test_the_lease_of_a_process_that_is_gone_is_over(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path)
    holder = json.loads(lease.path.read_bytes())
    lease.path.write_text(json.dumps({**holder, "started": "long ago"}))
    assert Lease.take(tmp_path).number == 2


def test_the_lease_of_another_machine_is_over_once_it_shows_no_life(tmp_path: Path) -> None:
    lease = Lease.take(tmp_path)
    lease.path.write_text(json.dumps({"machine": "another", "host": "far", "pid": 7}))

    def alive(_seconds: float) -> None:
        os.utime(lease.path)

    with pytest.raises(ConfigurationError, match="process 7 on far"):
        Lease.take(tmp_path, lease_s=5, sleep=alive)
    assert Lease.take(tmp_path, lease_s=0.01, sleep=lambda _: None).number == 2


def test_a_lease_that_was_never_written_whole_is_over_in_time(tmp_path: Path) -> None:
    (tmp_path / "000001.json").touch()
    assert Lease.take(tmp_path, lease_s=0.01, sleep=lambda _: None).number == 2
