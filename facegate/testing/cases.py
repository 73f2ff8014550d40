"""What a plugin's author writes down for the contract: data from the vendor's documentation."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from facegate import CaptureReason, FacegateError, Image, Operation
from facegate.question import Question


@dataclass(frozen=True)
class Call:
    """One way of asking, and the request it becomes.

    Attributes:
        operation: which of the three questions.
        path: where the request goes, below ``base_url``.
        keys: the top-level keys of its JSON body, all of them.
        method: in capitals.
        options: per-request options it is asked with.
        threshold: on the provider's scale; the provider's own if None.
        liveness_threshold: likewise.
        each: the vendor is asked once for each gallery picture.
    """

    operation: Operation
    path: str = ""
    keys: Collection[str] = ()
    method: str = "POST"
    options: Mapping[str, Any] = field(default_factory=dict)
    threshold: float | None = None
    liveness_threshold: float | None = None
    each: bool = False

    def question(
        self, plugin: str, probe: Image, gallery: tuple[Image, ...], **changes: Any
    ) -> Question:
        """The question to a provider of this plugin, with some of its fields changed."""
        asked: dict[str, Any] = {
            "gallery": () if self.operation is Operation.LIVENESS else gallery,
            "threshold": self.threshold,
            "liveness_threshold": self.liveness_threshold,
            "options": {plugin: {**self.options, **changes.pop("options", {})}},
        }
        return Question(operation=self.operation, probe=probe, **{**asked, **changes})

    def __str__(self) -> str:
        return "-".join([self.operation, *map(str, self.options.values())])


@dataclass(frozen=True)
class Documented:
    """A reply that is an answer, and what it says.

    Attributes:
        call: what was asked.
        body: the reply's, as data; or its bytes.
        expected: a part of the result, as :meth:`VerificationResult.model_dump` gives it in JSON
            mode; objects are compared key by key, so only what is named counts.
        status: HTTP's. Some vendors say "not live" with an error.
        name: what to call it in the test report.
    """

    call: Call
    body: Any
    expected: Mapping[str, Any]
    status: int = 200
    name: str = ""

    @property
    def is_yes(self) -> bool:
        """Whether the person is to be accepted."""
        accepted: bool = self.expected["accepted"]
        return accepted

    def __str__(self) -> str:
        return self.name or f"{self.call}-{'yes' if self.is_yes else 'no'}"


@dataclass(frozen=True)
class Failure:
    """A reply that is an error, and what it means.

    Attributes:
        status: HTTP's.
        body: the reply's, as data; or its bytes.
        raises: exactly this class, or :class:`CaptureRejected` for this reason.
        headers: of the reply, beside its length.
        told: attributes of the error, such as ``image`` or ``retry_after``.
        call: what was asked; the first documented one if None.
        name: what to call it in the test report.
    """

    status: int
    body: Any
    raises: type[FacegateError] | CaptureReason
    headers: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    call: Call | None = None
    name: str = ""

    def __str__(self) -> str:
        kind = self.raises if isinstance(self.raises, CaptureReason) else self.raises.__name__
        return self.name or f"{self.status}-{kind}"


def meaning(error: FacegateError) -> type[FacegateError] | CaptureReason:
    """An error as a row of a table names it: its class, or why the picture was rejected."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, CaptureReason) else type(error)


def differences(expected: Any, found: Any, where: str = "") -> list[str]:
    """Where ``found`` lacks something that is expected; keys nobody expects are left alone."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return [
            line
            for key, value in expected.items()
            for line in differences(value, found.get(key), f"{where}.{key}".lstrip("."))
        ]
    return [] if expected == found else [f"{where or 'it'} is {found!r}, not {expected!r}"]
