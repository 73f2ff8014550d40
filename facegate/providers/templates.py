"""Templates: an optional protocol for embedded engines that can compare without pictures.

A template is biometric data. It stays in memory: for one chunk of a batch, or for one run over all
pairs of pictures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from facegate.errors import FacegateError
from facegate.images.image import Image

Side = Literal["probe", "gallery"]
"""The two places of a picture in a comparison."""


@dataclass(frozen=True, slots=True)
class Template:
    """The face of a picture, as an engine compares it.

    Attributes:
        face: the engine's own data; None where the picture is refused on either side.
        refusals: why the picture is refused, by the sides on which it is.
    """

    face: Any = field(repr=False)
    refusals: Mapping[Side, FacegateError] = field(default_factory=dict)


@runtime_checkable
class Templates(Protocol):
    """A provider whose comparisons can be taken apart: pictures first, then pairs of them.

    Whatever it says is what ``compare`` says of the same pictures: the scores bit for bit, and the
    refusals word for word. Templates of one provider are for itself alone, under the same settings.
    """

    def template(self, image: Image) -> Template:
        """The template of a picture. Any number of threads may ask.

        Raises:
            ProviderError: the engine failed.
        """

    def template_scores(
        self, probes: Sequence[Template], gallery: Sequence[Template]
    ) -> Sequence[float]:
        """The score of each probe with the gallery picture of the same place, on the scale."""

    def template_refusal(self, gallery_scores: Sequence[float]) -> FacegateError | None:
        """Why a comparison with those scores has no answer; None where it has one."""
