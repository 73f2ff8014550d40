"""What a person agreed to, held against what a provider does with a picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from facegate.errors import InvalidRequest


class Kept(StrEnum):
    """What of a picture is still there after the answer."""

    NOTHING = "nothing"
    TEMPLATE = "template"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Handling:
    """What becomes of a picture at the provider; another vendor is another recipient of a face.

    Attributes:
        recipient: the company or place that gets to see the picture.
        keeps: what it keeps after answering: nothing, a template, or the picture.
        enrols: adds the person to a collection.
        searches: compares with anyone but the claimed person (1:N).
        region: where the processing happens, where that is known.
        keeps_for_s: for how many seconds it keeps that; None where it is not known.
        trains: uses pictures to improve its service; None where it does not say, which counts as
            yes.
    """

    recipient: str
    keeps: Kept
    enrols: bool
    searches: bool
    region: str | None = None
    keeps_for_s: float | None = None
    trains: bool | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's consent to having their face compared.

    Attributes:
        purpose: what for, in the words the person was shown.
        recipients: who may see the pictures, as providers name themselves in ``handling``.
        regions: where they may be processed; None for anywhere.
        storing: the pictures or templates of them may be kept after the answer.
        enrolling: the person may be added to a collection.
        searching: they may be compared with others than the claimed person (1:N).
        training: they may be used to improve the recipient's service.
        reference: the consent's own id in your records.

    Raises:
        InvalidRequest: a text where several are expected, or the other way about.
    """

    purpose: str
    recipients: frozenset[str]
    regions: frozenset[str] | None = None
    storing: bool = False
    enrolling: bool = False
    searching: bool = False
    training: bool = False
    reference: str | None = None

    def __post_init__(self) -> None:
        # Looking for a name in a text would find it in the middle of another one.
        several: Any
        for name, several in (("recipients", self.recipients), ("regions", self.regions or ())):
            if isinstance(several, str) or not isinstance(several, Collection):
                raise InvalidRequest(f"consent: {name} is a set of texts")
        for text in (self.purpose, self.reference or ""):
            if not isinstance(text, str):
                raise InvalidRequest("consent: purpose and reference are texts")

    def covers(self, handling: Handling, *, in_process: bool) -> bool:
        """Whether a provider that handles pictures so may be asked.

        What runs in this process discloses nothing, so neither recipient nor region has to be
        named for it.
        """
        named = handling.recipient in self.recipients and (
            self.regions is None or handling.region in self.regions
        )
        return (
            (in_process or named)
            and (self.storing or handling.keeps is Kept.NOTHING)
            and (self.enrolling or not handling.enrols)
            and (self.searching or not handling.searches)
            and (self.training or handling.trains is False)
        )
