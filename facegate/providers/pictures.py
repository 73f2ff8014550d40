"""The limits of a vendor for pictures, and what it makes of several faces on one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from facegate.images.image import Image
from facegate.images.sniff import ImageFormat


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """The weight and size of pictures that a vendor takes. Sides are in pixels, as stored.

    Attributes:
        min_bytes: weight of the lightest picture, 0 or more.
        max_bytes: weight of the heaviest picture; None for no limit of its own.
        in_base64: whether bytes are counted in base64, which is a third more.
        min_side: pixels of the shorter side at least, 0 or more.
        max_side: pixels of the longer side at most; None for no limit of its own.
        by_format: limits that hold instead for some types.
    """

    min_bytes: int = 0
    max_bytes: int | None = None
    in_base64: bool = False
    min_side: int = 0
    max_side: int | None = None
    by_format: Mapping[ImageFormat, PictureLimits] = field(default_factory=dict)

    def broken_by(self, image: Image) -> str | None:
        """The limit that a picture breaks, in words; None where it breaks none."""
        limits = self.by_format.get(image.format, self)
        size = len(image.data)
        if limits.in_base64:
            size = -(-size // 3) * 4
        sides = f"{image.width} x {image.height} pixels"
        unit = "letters of base64" if limits.in_base64 else "bytes"
        if size < limits.min_bytes:
            return f"{size} {unit}; the least is {limits.min_bytes}"
        if limits.max_bytes is not None and size > limits.max_bytes:
            return f"{size} {unit}; the most is {limits.max_bytes}"
        if min(image.width, image.height) < limits.min_side:
            return f"{sides}; the shorter side has at least {limits.min_side}"
        if limits.max_side is not None and max(image.width, image.height) > limits.max_side:
            return f"{sides}; the longer side has at most {limits.max_side}"
        return None


class FacePolicy(StrEnum):
    """The face that counts where several are on one picture."""

    REFUSES = "refuses"
    LARGEST = "largest"
    CENTRAL = "central"
    ANY = "any"
    EVERY = "every"
    UNKNOWN = "unknown"


_MEANS = {
    FacePolicy.LARGEST: "the largest counts",
    FacePolicy.CENTRAL: "the one in the centre counts",
    FacePolicy.ANY: "any of them may match",
    FacePolicy.EVERY: "every one has to match",
    FacePolicy.UNKNOWN: "which counts is not known",
}


@dataclass(frozen=True, slots=True)
class SeveralFaces:
    """A provider's way with several faces on a picture, as it is configured.

    Attributes:
        probe: the face that counts on the probe.
        gallery: the face that counts on a picture of the gallery.
    """

    probe: FacePolicy = FacePolicy.UNKNOWN
    gallery: FacePolicy = FacePolicy.UNKNOWN

    def warnings(self, *, probe: bool, gallery: bool) -> tuple[str, ...]:
        """A sentence for each role in which they should be refused and are not."""
        roles = (("probe", self.probe, probe), ("gallery", self.gallery, gallery))
        return tuple(
            f"several faces on a picture of the {role} are not refused: {_MEANS[policy]}"
            for role, policy, refused in roles
            if refused and policy is not FacePolicy.REFUSES
        )
