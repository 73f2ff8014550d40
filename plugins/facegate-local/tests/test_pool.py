"""Lending: at most so many, one borrower each, the last one back goes out first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count
from types import SimpleNamespace

import pytest

from facegate import ImageRejected, ProviderBusy, ProviderTimeout, ProviderUnavailable
from facegate_local import pool as pools
from facegate_local.pool import Pool


def numbered(size: int) -> Pool[int]:
    return Pool(count().__next__, size)


def test_nothing_is_built_twice_for_one_borrower_at_a_time() -> None:
    pool = numbered(4)

    for _ in range(3):
        with pool.lend(timeout=1) as thing:
            assert thing == 0


def test_two_borrowers_get_two_things_and_the_last_one_back_goes_out_first() -> None:
    pool = numbered(2)

    with pool.lend(timeout=1) as first, pool.lend(timeout=1) as second:
        assert (first, second) == (0, 1)
    with pool.lend(timeout=1) as third:
        assert third == first


def test_a_borrower_waits_no_longer_than_told() -> None:
    pool = numbered(1)

    with (
        pool.lend(timeout=1),
        pytest.raises(ProviderUnavailable, match="busy"),
        pool.lend(timeout=0.01),
    ):
        pass


def test_one_whose_turn_comes_too_late_to_end_in_time_is_not_begun() -> None:
    pool, lent, back = numbered(1), threading.Event(), threading.Event()
    with pool.lend(timeout=1):
        time.sleep(0.3)  # so long one is known to take

    def hold() -> None:
        with pool.lend(timeout=1):
            lent.set()
            back.wait(60)

    holder = threading.Thread(target=hold)
    holder.start()
    lent.wait(60)
    try:  # admitted, for two fit into the time; but the one before takes longer than thought
        with pytest.raises(ProviderBusy, match="busy"):
            pool.run([lambda _: pytest.fail("was begun")], timeout=0.7)
    finally:
        back.set()
        holder.join()


def test_how_long_it_took_to_build_a_thing_keeps_nobody_out() -> None:
    def build() -> int:
        time.sleep(0.3)
        return 0

    pool = Pool(build, 1)
    with pool.lend(timeout=1):
        pass
    with (
        pool.lend(timeout=1),
        pytest.raises(ProviderBusy) as refused,
        pool.lend(timeout=0.1),
    ):
        pass
    assert refused.value.retry_after
    assert refused.value.retry_after < 0.3


def test_who_came_first_gets_it_first() -> None:
    pool, turns, ready = numbered(1), list[int](), threading.Semaphore(0)

    def wait(number: int) -> None:
        ready.release()
        with pool.lend(timeout=60):
            turns.append(number)

    with pool.lend(timeout=1):
        waiting = [threading.Thread(target=wait, args=[number]) for number in range(5)]
        for thread in waiting:
            thread.start()
            ready.acquire()
            time.sleep(0.05)  # until it waits
    with pool.lend(timeout=60):
        turns.append(5)  # came when one was free, but others were before
    for thread in waiting:
        thread.join()
    assert turns == [0, 1, 2, 3, 4, 5]


def test_one_who_cannot_be_done_in_time_is_refused_at_once_and_not_begun() -> None:
    pool = numbered(1)
    with pool.lend(timeout=1):
        time.sleep(0.5)  # from now on a loan is known to take a while
    with pool.lend(timeout=1), pytest.raises(ProviderBusy) as refused:
        pool.run([lambda _: pytest.fail("was begun")], timeout=0.05)
    assert refused.value.retry_after
    assert refused.value.retry_after > 0.05
    assert not refused.value.cools_down
    with pool.lend(timeout=0.001) as thing:  # nobody is before this one
        assert thing == 0


def test_a_picture_that_was_refused_costs_nothing() -> None:
    pool = numbered(1)

    with pytest.raises(ImageRejected), pool.lend(timeout=1):
        raise ImageRejected("damaged")
    with pool.lend(timeout=1) as thing:
        assert thing == 0


def test_what_met_an_unknown_error_is_not_lent_again() -> None:
    pool = numbered(1)

    with pytest.raises(RuntimeError), pool.lend(timeout=1):
        raise RuntimeError
    with pool.lend(timeout=1) as thing:
        assert thing == 1


def test_a_failed_build_leaves_the_place_free() -> None:
    roomy = iter([False, True])

    def build() -> str:
        if not next(roomy):
            raise MemoryError
        return "thing"

    pool = Pool(build, 1)

    with pytest.raises(MemoryError), pool.lend(timeout=1):
        pass
    with pool.lend(timeout=1) as thing:
        assert thing == "thing"


def test_what_was_lent_before_a_clearing_does_not_come_back() -> None:
    pool = numbered(1)

    with pool.lend(timeout=1):
        pool.clear()
    with pool.lend(timeout=1) as thing:
        assert thing == 1


def test_jobs_run_on_two_things_at_once_and_answer_in_their_order() -> None:
    meeting = threading.Barrier(2)

    def job(thing: int) -> int:
        meeting.wait(60)
        return thing

    assert sorted(numbered(2).run([job, job], timeout=60)) == [0, 1]


def test_with_no_second_thing_free_one_does_all_the_jobs() -> None:
    assert numbered(1).run([lambda thing: thing + 10, lambda thing: thing + 20], 1) == [10, 20]


def test_of_several_errors_the_first_jobs_is_raised() -> None:
    meeting = threading.Barrier(2)

    def fail(name: str, wait: float) -> Callable[[int], None]:
        def job(thing: int) -> None:
            meeting.wait(60)
            time.sleep(wait)
            raise ImageRejected(name)

        return job

    with pytest.raises(ImageRejected, match="first"):
        numbered(2).run([fail("first", 0.1), fail("second", 0)], timeout=60)


def test_no_job_begins_after_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[int] = []
    # Each job takes 4 seconds.
    monkeypatch.setattr(pools, "time", SimpleNamespace(monotonic=lambda: 4 * len(done)))

    with pytest.raises(ProviderTimeout, match=r"not done within the deadline of 6 s"):
        numbered(1).run([done.append] * 5, timeout=6)
    assert len(done) == 2


def test_an_interruption_ends_the_other_ones_work_too() -> None:
    begun = []

    def interrupted(thing: int) -> None:
        raise KeyboardInterrupt

    def job(thing: int) -> None:
        begun.append(thing)
        time.sleep(0.05)

    with pytest.raises(KeyboardInterrupt):
        numbered(2).run([interrupted, *[job] * 50], timeout=60)
    assert len(begun) < 50


def test_jobs_that_find_nothing_free_in_time_say_so() -> None:
    pool = numbered(1)
    with pool.lend(timeout=1), pytest.raises(ProviderUnavailable):
        pool.run([lambda thing: thing], timeout=0.01)
