"""The consent of a person, held against what a provider does with a picture."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from facegate.errors import InvalidRequest


class Kept(StrEnum):
    """The remains of a picture at the provider after the answer."""

    NOTHING = "nothing"
    TEMPLATE = "template"
    PICTURE = "picture"


@dataclass(frozen=True, slots=True)
class Handling:
    """A provider's handling of a picture; another vendor is another recipient of a face.

    Attributes:
        recipient: the company or place that gets to see the picture.
        keeps: what it keeps after answering: nothing, a template, or the picture.
        enrols: adds the person to a collection.
        searches: compares with anyone but the claimed person (1:N).
        region: the place of processing: an ISO 3166-1 country code, ``eu``, or the name that the
            vendor gives to its region. Kept in lower case; None where it is not known.
        keeps_for_s: seconds that it keeps that for, 0 or more; None where it is not known.
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

    def __post_init__(self) -> None:
        if self.region is not None:
            object.__setattr__(self, "region", self.region.lower())


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's consent to having their face compared.

    Attributes:
        purpose: the purpose, in the words the person was shown.
        recipients: names of those who may see the pictures, spelt as in their ``handling``.
        regions: places where they may be processed, of the names that ``handling.region`` has;
            None for anywhere. ``"EU"`` is ``"eu"``, but a name stands for itself alone: ``"eu"``
            does not permit ``"de"``. Kept in lower case.
        storing: the pictures or templates of them may be kept after the answer.
        enrolling: the person may be added to a collection.
        searching: they may be compared with others than the claimed person (1:N).
        training: they may be used to improve the recipient's service.
        reference: the consent's own id in your records.

    Raises:
        InvalidRequest: a text where a set of texts is expected, or the other way about.
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
        names: Any
        regions = () if self.regions is None else self.regions
        for field, names in (("recipients", self.recipients), ("regions", regions)):
            several = isinstance(names, Collection) and not isinstance(names, str)
            if not several or not all(isinstance(name, str) for name in names):
                raise InvalidRequest(f"consent: {field} is a set of texts")
        if self.regions is not None:
            object.__setattr__(self, "regions", frozenset(map(str.lower, self.regions)))
        for text in (self.purpose, self.reference or ""):
            if not isinstance(text, str):
                raise InvalidRequest("consent: purpose and reference are texts")

    def covers(self, handling: Handling, *, in_process: bool) -> bool:
        """Whether the consent lets a provider that handles pictures so be asked.

        An engine in this process discloses nothing, so neither recipient nor region has to be named
        for it. A provider that does not say its region is in none.
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
