"""Pictures as one provider may get them: taken by it, and with nothing in them but the picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from facegate.errors import ImageRejected, UnsupportedPicture
from facegate.images.convert import convert
from facegate.images.fresh import fresh
from facegate.images.image import Image
from facegate.images.intake import Intake
from facegate.images.metadata import REMOVABLE, without_metadata
from facegate.images.sniff import ImageFormat
from facegate.providers.provider import ProviderInfo


@dataclass(frozen=True, slots=True)
class Prepared:
    """Pictures for one provider.

    Attributes:
        probe: the picture captured now.
        gallery: those of the claimed person.
        changes: sentences on what was changed, for whoever reads the result.
    """

    probe: Image
    gallery: tuple[Image, ...]
    changes: tuple[str, ...]


def prepared(
    probe: Image, gallery: Sequence[Image], info: ProviderInfo, intake: Intake
) -> Prepared:
    """The pictures, changed no more than the provider and the configuration ask for.

    Raises:
        UnsupportedPicture: the provider does not take one, and it may not or cannot be converted.
        ImageRejected: one is damaged.
        ConfigurationError: the extra ``prepare`` is not installed.
    """
    roles = ("probe", *(f"gallery[{index}]" for index in range(len(gallery))))
    images: list[Image] = []
    changes: dict[str, list[str]] = {}
    for role, image in zip(roles, (probe, *gallery), strict=True):
        try:
            fit, change = _prepared(image, info, intake)
        except (ImageRejected, UnsupportedPicture) as error:
            error.image = role
            raise
        images.append(fresh(fit) if intake.fresh and not info.embedded else fit)
        if change:
            changes.setdefault(change, []).append(role)
    said = (f"{', '.join(roles)}: {change}" for change, roles in changes.items())
    return Prepared(images[0], tuple(images[1:]), tuple(said))


def _prepared(image: Image, info: ProviderInfo, intake: Intake) -> tuple[Image, str]:
    """One picture as it is sent, and what was done to it in words, if anything."""
    in_the_clear = info.embedded or intake.keep_metadata  # nobody sees it who has not seen it
    removable = not in_the_clear and image.format in REMOVABLE
    sent = without_metadata(image) if removable else image
    problem = info.untaken(sent)
    if problem is None and not in_the_clear and not removable:
        problem = f"{image.format} without its metadata, which cannot be removed"
    turned = intake.prepare and not info.embedded and image.orientation != 1
    if problem is None and not turned:
        return sent, "" if sent is image else "metadata was removed"
    if problem and not intake.prepare:
        raise UnsupportedPicture(
            f"{info.plugin} does not take {problem}; images.prepare = true converts what can be"
        )
    kind = ImageFormat.JPEG if ImageFormat.JPEG in info.formats else ImageFormat.PNG
    limits = info.pictures.by_format.get(kind, info.pictures)
    converted = convert(sent, kind, limits.max_side, lambda each: info.untaken(each) is None)
    if converted is None:
        raise UnsupportedPicture(f"{info.plugin} does not take {problem}, nor what it became")
    after, before = (f"{each.format}, {each.width} x {each.height}" for each in (converted, image))
    return converted, f"sent as {after}, made of {before}"
