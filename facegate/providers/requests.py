"""Requests as a provider sees them, and its answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Generic

from facegate.errors import BadReply
from facegate.images.image import Image
from facegate.model import Attempt, Face, Liveness, Match, Operation
from facegate.providers.settings import S


@dataclass(frozen=True, slots=True)
class CompareRequest(Generic[S]):
    """A comparison as a provider sees it.

    Attributes:
        probe: the picture captured now, whose identity is in question.
        gallery: one or more pictures of the one claimed person.
        settings: the provider's, with the request's options merged in.
        threshold: score of a match, on the provider's scale; None only where it declares none.
    """

    operation: ClassVar = Operation.COMPARE
    probe: Image
    gallery: tuple[Image, ...]
    settings: S
    threshold: float | None


@dataclass(frozen=True, slots=True)
class LivenessRequest(Generic[S]):
    """A liveness question as a provider sees it.

    Attributes:
        probe: the picture captured now, whose liveness is in question.
        settings: the provider's, with the request's options merged in.
        liveness_threshold: score of a pass, on the provider's scale; None only where it declares
            none.
    """

    operation: ClassVar = Operation.LIVENESS
    probe: Image
    settings: S
    liveness_threshold: float | None


@dataclass(frozen=True, slots=True)
class CompareLiveRequest(Generic[S]):
    """A comparison with liveness on the same probe, as a provider sees it.

    Attributes:
        probe: the picture captured now, whose identity and liveness are in question.
        gallery: one or more pictures of the one claimed person.
        settings: the provider's, with the request's options merged in.
        threshold: score of a match, on the provider's scale; None only where it declares none.
        liveness_threshold: score of a pass, on the provider's scale; None only where it declares
            none.
    """

    operation: ClassVar = Operation.COMPARE_LIVE
    probe: Image
    gallery: tuple[Image, ...]
    settings: S
    threshold: float | None
    liveness_threshold: float | None


BoundRequest = CompareRequest[S] | LivenessRequest[S] | CompareLiveRequest[S]


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer; facegate adds the decision and who was asked.

    Attributes:
        match: required of ``compare`` and ``compare_live``.
        liveness: required of ``liveness`` and ``compare_live``; without it, nothing is live.
        vendor_reference: the vendor's id of the transaction.
        vendor_signature: the vendor's signature over it, as sent.
        warnings: sentences that a careful reader of the result should know.
        faces: the faces that it saw, in each picture the one that counted first; never worked out
            from anything else.
        attempts: every call, where a question took several and they were recorded neither by
            :meth:`FlowProvider.step` nor by :meth:`FlowProvider.for_each`.
        engine: the version or model that answered, in up to 64 letters, digits and ``._:/@+-``;
            see :func:`same_engine`.
    """

    match: Match | None = None
    liveness: Liveness | None = None
    vendor_reference: str | None = None
    vendor_signature: Mapping[str, str] | None = None
    warnings: tuple[str, ...] = ()
    faces: tuple[Face, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    engine: str | None = None


def same_engine(asked: str, answered: str | None) -> str:
    """The engine that answered, which has to be the one that was asked for.

    Scores of another one are on another scale.

    Args:
        asked: the version or model that was asked for.
        answered: the one that the vendor names; None where it names none.

    Raises:
        BadReply: another engine answered, or the vendor does not say which.
    """
    if answered != asked:
        raise BadReply(f"answered by another engine than {asked}")
    return answered
