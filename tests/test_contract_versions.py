"""A check that is newer than a plugin's contract_version warns; otherwise it fails."""

from __future__ import annotations

import pytest

from facegate.testing.versions import VERSION, NewCheckWarning, Versioned, since


class Contract(Versioned):
    @since(VERSION + 1)
    def test_something_new(self, *, broken: bool) -> None:
        assert not broken, "it is broken"

    @since(VERSION + 1)
    def test_something_else(self) -> None:
        pytest.fail("it is broken")


class WrittenBefore(Contract):
    contract_version = VERSION


class WrittenFor(Contract):
    contract_version = VERSION + 1


def test_an_older_plugin_is_warned_in_a_sentence() -> None:
    with pytest.warns(NewCheckWarning, match="test_something_new is new in .* it is broken"):
        WrittenBefore().test_something_new(broken=True)
    with pytest.warns(NewCheckWarning, match="test_something_else"):
        WrittenBefore().test_something_else()


def test_a_plugin_that_keeps_the_new_check_hears_nothing() -> None:
    WrittenBefore().test_something_new(broken=False)


@pytest.mark.parametrize("contract", [WrittenFor, Contract])
def test_who_was_written_for_it_or_states_nothing_fails(contract: type[Contract]) -> None:
    with pytest.raises(AssertionError, match="it is broken"):
        contract().test_something_new(broken=True)
    with pytest.raises(pytest.fail.Exception, match="it is broken"):
        contract().test_something_else()


@pytest.mark.parametrize("stated", [None, 0, VERSION + 1])
def test_a_version_that_does_not_exist_is_refused(stated: int | None) -> None:
    contract = type("Plugin", (Contract,), {} if stated is None else {"contract_version": stated})
    with pytest.raises(AssertionError, match="contract_version"):
        contract().test_the_version_of_the_contract_is_stated()
