"""Lending: at most so many, one borrower each, the last one back goes out first."""

from __future__ import annotations

from itertools import count

import pytest

from facegate import ImageRejected, ProviderUnavailable
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
    attempts = iter([MemoryError(), "thing"])

    def build() -> str:
        result = next(attempts)
        if isinstance(result, Exception):
            raise result
        return result

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
