"""What a consent is, before it is held against anybody."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from facegate import FaceVerifier, InvalidRequest
from facegate.consent import Consent, Kept
from facegate.routing.failover import Failover
from scripted import QUESTION, Vendor, leaves, route


@pytest.mark.parametrize("several", [["acme"], ("acme",), {"acme"}, frozenset(["acme"])])
def test_any_collection_of_names_will_do(several: Any) -> None:
    vendor = Vendor("main", recipient="acme")
    other = Vendor("main", recipient="ac")
    consent = Consent("opening an account", several)
    assert consent.covers(vendor.info.handling, in_process=False)
    assert not consent.covers(other.info.handling, in_process=False)


@pytest.mark.parametrize(("allowed", "declared"), [*product(("EU", "eu", "Eu"), repeat=2)])
def test_a_region_is_the_same_in_capitals(allowed: str, declared: str) -> None:
    handling = replace(Vendor("main").info.handling, region=declared)
    consent = Consent("opening an account", frozenset({"main"}), frozenset({allowed, "us"}))
    assert consent.covers(handling, in_process=False)
    assert consent == replace(consent, regions=frozenset({allowed.swapcase(), "US"}))


@pytest.mark.parametrize("declared", ["de", "eu-west-1", "e", None])
def test_a_region_is_not_in_another_one(declared: str | None) -> None:
    handling = replace(Vendor("main").info.handling, region=declared)
    consent = Consent("opening an account", frozenset({"main"}), frozenset({"eu"}))
    assert not consent.covers(handling, in_process=False)


def test_an_engine_in_this_process_discloses_nothing_but_may_not_keep_it_either() -> None:
    nobody = Consent("opening an account", frozenset(), frozenset())
    engine = Vendor("main").info.handling
    assert nobody.covers(engine, in_process=True)
    keeping = replace(engine, keeps=Kept.PICTURE)
    assert not nobody.covers(keeping, in_process=True)
    assert replace(nobody, storing=True).covers(keeping, in_process=True)


@pytest.mark.parametrize("kept", Kept)
@pytest.mark.parametrize("trains", [True, False, None])
def test_what_is_kept_or_used_to_train_takes_a_word_of_its_own(
    kept: Kept,
    trains: bool | None,  # noqa: FBT001  a parameter
) -> None:
    handling = replace(Vendor("main").info.handling, keeps=kept, trains=trains)
    for storing, training in product((False, True), repeat=2):
        consent = Consent("an account", frozenset({"main"}), storing=storing, training=training)
        # Who does not say whether it trains counts as one that does.
        covered = (storing or kept is Kept.NOTHING) and (training or trains is False)
        assert consent.covers(handling, in_process=False) is covered


@pytest.mark.parametrize(
    "wrong",
    [
        {"recipients": "acme and others"},
        {"recipients": None},
        {"recipients": ["acme", None]},
        {"regions": "eu, us"},
        {"regions": ""},
        {"regions": [5]},
        {"purpose": None},
        {"reference": 81},
    ],
)
def test_a_text_is_not_taken_for_the_names_that_happen_to_be_in_it(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="consent: "):
        Consent(**{"purpose": "opening an account", "recipients": ["acme"], **wrong})


@pytest.mark.parametrize(
    "wrong", [{"consent": {"recipients": ["main"]}}, {"consent": "yes"}, {"subject": 81}]
)
def test_what_is_no_consent_or_subject_is_refused_before_anybody_is_asked(
    wrong: dict[str, Any],
) -> None:
    vendor = Vendor("main")
    verifier = FaceVerifier(route(Failover("kyc", leaves(vendor))))
    with verifier, pytest.raises(InvalidRequest, match="; give a "):
        verifier.compare(**QUESTION, **wrong)
    assert not vendor.asked
