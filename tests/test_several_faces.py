"""Which of several faces counts: refused, or said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acme import DOCUMENT, PROBE, SAME, Engine, Scripted
from both import Ask, both_ways
from facegate.plugin import Answer, FacePolicy, Liveness, SeveralFaces, call
from facegate.routing.plan import Plan
from facegate.routing.tables import RouteTable
from scripted import Vendor

LIVE = Answer(liveness=Liveness(passed=True))


def provider(kind: Any, answer: Answer, policies: SeveralFaces, **settings: Any) -> Any:
    made = kind(
        (lambda _: call(lambda: answer)) if kind is Scripted else (lambda _: answer), **settings
    )
    made.info = replace(made.info, several_faces=policies)
    return made


@both_ways
@pytest.mark.parametrize("kind", [Scripted, Engine])
@pytest.mark.parametrize("policy", FacePolicy)
def test_a_result_warns_of_what_is_not_refused(ask: Ask, kind: Any, policy: FacePolicy) -> None:
    one = provider(kind, SAME, SeveralFaces(FacePolicy.REFUSES, policy))
    warnings = ask(one, probe=PROBE, gallery=DOCUMENT).warnings
    if policy is FacePolicy.REFUSES:
        assert not warnings
    else:
        (warning,) = warnings
        assert warning.startswith("several faces on a picture of the gallery are not refused: ")


@both_ways
def test_a_liveness_question_has_a_probe_alone(ask: Ask) -> None:
    policies = SeveralFaces(FacePolicy.LARGEST, FacePolicy.ANY)
    result = ask(provider(Scripted, LIVE, policies), "liveness", probe=PROBE)
    assert result.warnings == (
        "several faces on a picture of the probe are not refused: the largest counts",
    )


@both_ways
def test_who_leaves_it_to_the_vendor_is_not_warned(ask: Ask) -> None:
    told = replace(SAME, warnings=("dark",))
    for choice, count in (("vendor", 1), ("vendor_gallery", 2), ("refuse", 3)):
        one = provider(Scripted, told, SeveralFaces(), several_faces=choice)
        assert len(ask(one, probe=PROBE, gallery=DOCUMENT).warnings) == count


def told(*policies: SeveralFaces) -> list[str]:
    """What an operator hears of a failover between providers of these policies."""
    vendors = {f"v{n}": Vendor(f"v{n}", info={"several_faces": p}) for n, p in enumerate(policies)}
    plan = Plan("facegate.toml", {"kyc": RouteTable(failover=tuple(vendors))}, vendors.__getitem__)
    return [finding for finding in plan.findings("kyc") if "several faces" in finding]


def test_an_operator_hears_where_a_route_mixes_policies() -> None:
    refusing = SeveralFaces(FacePolicy.REFUSES, FacePolicy.REFUSES)
    assert not told(refusing, refusing)
    assert told(refusing, SeveralFaces(FacePolicy.LARGEST, FacePolicy.ANY)) == [
        "of several faces on a picture they make different things: v0 refuses (probe) and refuses"
        " (gallery), v1 largest (probe) and any (gallery)"
    ]
