"""The tree is what its docstring draws; its policy is a table; errors survive travelling."""

from __future__ import annotations

import copy
import json
import pickle
import re
from collections.abc import Iterator
from typing import Any

import pytest

import facegate
from facegate import (
    Attempt,
    Billed,
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Fault,
    ImageRejected,
    Outcome,
    ProviderTimeout,
    RateLimited,
    errors,
)

ATTEMPT = Attempt(provider="main", plugin="acme", outcome=Outcome.FAILED, seconds=0.5)

# retryable, fails_over, cools_down, billed, http_status, fault
POLICY = {
    "FacegateError": (False, False, False, Billed.NO, 500, Fault.OPERATOR),
    "ConfigurationError": (False, False, False, Billed.NO, 500, Fault.OPERATOR),
    "UnsupportedOperation": (False, True, False, Billed.NO, 501, Fault.OPERATOR),
    "UnsupportedOption": (False, False, False, Billed.NO, 400, Fault.CALLER),
    "ConsentRefused": (False, False, False, Billed.NO, 403, Fault.CALLER),
    "JournalUnavailable": (False, False, False, Billed.NO, 503, Fault.OPERATOR),
    "InputError": (False, False, False, Billed.NO, 400, Fault.CALLER),
    "InvalidRequest": (False, False, False, Billed.NO, 400, Fault.CALLER),
    "ImageRejected": (False, False, False, Billed.NO, 422, Fault.CALLER),
    "UnsupportedPicture": (False, True, False, Billed.NO, 422, Fault.CALLER),
    "CaptureRejected": (False, False, False, Billed.NO, 422, Fault.CALLER),
    "ProviderError": (False, True, False, Billed.NO, 502, Fault.PROVIDER),
    "AuthenticationFailed": (False, True, True, Billed.NO, 502, Fault.OPERATOR),
    "CredentialsExpired": (False, True, True, Billed.NO, 502, Fault.OPERATOR),
    "PermissionDenied": (False, True, True, Billed.NO, 502, Fault.OPERATOR),
    "QuotaExhausted": (False, True, True, Billed.NO, 502, Fault.OPERATOR),
    "LicenseInvalid": (False, True, True, Billed.NO, 502, Fault.OPERATOR),
    "RateLimited": (True, True, True, Billed.NO, 503, Fault.PROVIDER),
    "ProviderUnavailable": (True, True, True, Billed.NO, 503, Fault.PROVIDER),
    "ProviderBusy": (True, True, False, Billed.NO, 503, Fault.PROVIDER),
    "ConnectionFailed": (True, True, True, Billed.NO, 503, Fault.PROVIDER),
    "ProviderTimeout": (False, True, True, Billed.MAYBE, 504, Fault.PROVIDER),
    "BadReply": (False, True, True, Billed.MAYBE, 502, Fault.PROVIDER),
    "UnmappedError": (False, True, False, Billed.MAYBE, 502, Fault.PROVIDER),
}


def family(root: type[FacegateError] = FacegateError) -> Iterator[type[FacegateError]]:
    """The tree as Python has it, without what other tests may have added."""
    yield root
    for child in root.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from family(child)


def drawn_tree() -> dict[str, str]:
    """Each class of the drawing in the module's docstring, with the class it hangs from."""
    parents: dict[str, str] = {}
    open_branches: list[str] = []
    for line in str(errors.__doc__).split("::")[1].splitlines():
        names = re.findall(r"\b[A-Z]\w+[a-z]\w*(?=  |$)", line.partition("refused:")[0])
        if not names:
            continue
        depth = max(line.rfind(mark) for mark in "├└│") // 4
        del open_branches[depth:]
        for name in names:
            parents[name] = open_branches[-1] if open_branches else "Exception"
        open_branches.append(names[0])
    return parents


CLASSES = list(family())
every_class = pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)


def make(kind: type[FacegateError], message: str = "it failed") -> FacegateError:
    """An error with every field filled in."""
    more: dict[str, Any] = {}
    if kind is CaptureRejected:
        more["reason"] = CaptureReason.EYES_CLOSED
    if kind is RateLimited:
        more["retry_after"] = 2.5
    fields: dict[str, Any] = {"image": "gallery[1]", "provider": "main", "vendor_code": "E17"}
    return kind(message, **fields, attempts=(ATTEMPT,), **more)


def test_the_tree_is_the_one_drawn_in_the_docstring() -> None:
    assert drawn_tree() == {kind.__name__: kind.__mro__[1].__name__ for kind in CLASSES}


@every_class
def test_policy(kind: type[FacegateError]) -> None:
    assert POLICY[kind.__name__] == (
        kind.retryable,
        kind.fails_over,
        kind.cools_down,
        kind.billed,
        kind.http_status,
        kind.fault,
    )


def test_what_may_have_been_charged_is_not_repeated_by_itself() -> None:
    assert not [kind for kind in CLASSES if kind.retryable and kind.billed is not Billed.NO]


def test_what_is_the_callers_fault_is_a_4xx_and_leaves_the_provider_alone() -> None:
    for kind in CLASSES:
        assert (kind.fault is Fault.CALLER) == (400 <= kind.http_status < 500)
        assert not (kind.fault is Fault.CALLER and (kind.cools_down or kind.retryable))


@every_class
def test_is_public_and_explained(kind: type[FacegateError]) -> None:
    assert getattr(facegate, kind.__name__) is kind
    assert kind.__name__ in facegate.__all__
    assert kind.__doc__


@every_class
@pytest.mark.parametrize(
    "travel",
    [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy],  # noqa: S301
    ids=["pickle", "copy", "deepcopy"],
)
def test_survives_travelling_with_all_its_fields(kind: type[FacegateError], travel: Any) -> None:
    error = make(kind)
    arrived = travel(error)
    assert type(arrived) is kind
    assert arrived.args == error.args
    assert vars(arrived) == vars(error)
    assert str(arrived) == str(error)


@every_class
def test_is_json_ready(kind: type[FacegateError]) -> None:
    data = json.loads(json.dumps(make(kind).as_dict()))
    assert data["code"] == kind.__name__
    assert data["message"] == "it failed"
    assert (data["image"], data["provider"], data["vendor_code"]) == ("gallery[1]", "main", "E17")
    assert data["attempts"] == [ATTEMPT.model_dump(mode="json")]


def test_json_leaves_out_what_there_is_not() -> None:
    assert ImageRejected("no").as_dict() == {"code": "ImageRejected", "message": "no"}


def test_json_of_a_rejected_capture_says_why() -> None:
    error = CaptureRejected("turn to the camera", reason=CaptureReason.FACE_ANGLE_TOO_LARGE)
    assert error.as_dict()["reason"] == "FACE_ANGLE_TOO_LARGE"


def test_a_rate_limit_says_when_to_come_back() -> None:
    assert RateLimited("slow down", retry_after=2.5).retry_after == 2.5
    assert RateLimited("slow down").retry_after is None


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({}, "too late"),
        ({"provider": "main"}, "main: too late"),
        ({"image": "probe"}, "probe: too late"),
        ({"provider": "main", "image": "gallery[0]"}, "main: gallery[0]: too late"),
    ],
)
def test_text_names_the_provider_and_the_picture(fields: dict[str, Any], text: str) -> None:
    error = ProviderTimeout("too late", **fields)
    assert str(error) == text
    assert error.message == "too late"


def test_reasons_are_their_own_names() -> None:
    assert all(reason == reason.name for reason in CaptureReason)
