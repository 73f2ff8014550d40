"""What a provider is, whatever the vendor: its capabilities, its refusals, its options."""

from __future__ import annotations

from typing import Any

import pytest

from acme import INFO, PROBE, SAME, Acme, Engine, Scripted, acme
from both import Ask, both_ways
from facegate import Operation, UnsupportedOperation, UnsupportedOption
from facegate.plugin import (
    Answer,
    BlockingProvider,
    Flow,
    FlowProvider,
    Liveness,
    Provider,
    ProviderSettings,
    per_call,
)
from loopback import Server, reply

COMPARE, COMPARE_LIVE, LIVENESS = Operation.COMPARE, Operation.COMPARE_LIVE, Operation.LIVENESS


class Nothing(FlowProvider[ProviderSettings]):
    info = INFO


class NothingBlocking(BlockingProvider[ProviderSettings]):
    info = INFO


class Inherited(Acme):
    """Adds an operation to those of its base."""

    def compare_live(self, request: Any) -> Flow[Answer]:
        yield from ()
        return SAME


class Mixin:
    def liveness(self, request: Any) -> Answer:
        return Answer()


class Mixed(Mixin, Engine):
    """Gets an operation from a class that is no provider."""


@pytest.mark.parametrize(
    ("provider", "capabilities"),
    [
        (Provider, set()),
        (FlowProvider, set()),
        (BlockingProvider, set()),
        (Nothing, set()),
        (NothingBlocking, set()),
        (Acme, {COMPARE, LIVENESS}),
        (Inherited, {COMPARE, COMPARE_LIVE, LIVENESS}),
        (Scripted, {COMPARE, COMPARE_LIVE, LIVENESS}),
        (Engine, {COMPARE}),
        (Mixed, {COMPARE, LIVENESS}),
    ],
)
def test_capabilities_are_the_operations_a_class_really_has(
    provider: type[Provider], capabilities: set[Operation]
) -> None:
    assert provider.capabilities == capabilities


class Reticent(Scripted):
    """Has an operation that a setting switches off."""

    @classmethod
    def withheld(cls, settings: ProviderSettings) -> frozenset[Operation]:
        return frozenset({LIVENESS} if settings.cost is None else ())


@both_ways
def test_settings_may_switch_an_operation_off(ask: Ask) -> None:
    assert Reticent.capabilities == {COMPARE, COMPARE_LIVE, LIVENESS}
    asked: list[Any] = []

    def script(request: Any) -> Flow[Answer]:
        asked.append(request)
        yield from ()
        return Answer(liveness=Liveness(passed=True))

    assert Reticent(script).capabilities == {COMPARE, COMPARE_LIVE}
    with pytest.raises(UnsupportedOperation, match="only compare, compare_live"):
        ask(Reticent(script), "liveness", probe=PROBE)
    assert not asked
    assert ask(Reticent(script, cost=0), "liveness", probe=PROBE).accepted


@both_ways
def test_an_operation_that_is_missing_is_refused_before_anything_happens(ask: Ask) -> None:
    with Server(reply(200)) as server, pytest.raises(UnsupportedOperation) as caught:
        ask(acme(server.url), "compare_live", probe="no such file", gallery="no such file")
    assert str(caught.value) == ("main: it does not offer compare_live, only compare, liveness")
    assert not server.connections


@both_ways
@pytest.mark.parametrize(
    "told",
    [
        {"options": {"acme": {"base_url": "https://elsewhere.example"}}},
        {"options": {"acme": {"token": "another"}}},
        {"options": {"acme": {"modus": "FAST"}}},
        {"options": {"zenith": {"mode": "FAST"}}},
        {"threshold": "fmr:1e-9"},
    ],
)
def test_what_a_provider_cannot_be_told_is_refused_before_anything_happens(
    ask: Ask, told: dict[str, Any]
) -> None:
    with Server(reply(200)) as server, pytest.raises(UnsupportedOption):
        ask(acme(server.url), probe="no such file", gallery="no such file", **told)
    assert not server.connections


def test_settings_say_which_of_them_one_request_may_change() -> None:
    class More(ProviderSettings):
        pose: str = per_call("any")
        region: str = "eu"

    class EvenMore(More):
        quality: float = per_call(0.5, ge=0, le=1, description="How sharp.")

    assert ProviderSettings.per_call_fields() == set()
    assert EvenMore.per_call_fields() == {"pose", "quality"}


def test_a_provider_without_a_name_goes_by_its_plugins() -> None:
    assert Nothing(ProviderSettings()).name == "acme"
    assert acme("https://api.example").name == "main"
    assert not acme("https://api.example").findings()
