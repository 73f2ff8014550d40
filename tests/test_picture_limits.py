"""What a vendor takes of pictures is checked before anything is sent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acme import DOCUMENT, PROBE
from both import Ask, both_ways
from drawn import picture
from facegate import Image, ImageFormat, ImageRejected, UnsupportedPicture
from facegate.plugin import PictureLimits
from loopback import Server, reply
from veridia import veridia

images = st.builds(
    Image,
    data=st.binary(min_size=1, max_size=50),
    format=st.sampled_from(ImageFormat),
    width=st.integers(16, 10_000),
    height=st.integers(16, 10_000),
)


@given(images, st.booleans())
def test_a_picture_at_a_limit_is_taken_and_one_beyond_is_not(
    image: Image,
    in_base64: bool,  # noqa: FBT001
) -> None:
    size = len(image.base64 if in_base64 else image.data)
    least, most = sorted((image.width, image.height))
    exact = PictureLimits(size, size, in_base64, least, most)
    assert exact.broken_by(image) is None
    tightened: tuple[tuple[dict[str, Any], str], ...] = (
        ({"min_bytes": size + 1}, f"{size} .* least is {size + 1}$"),
        ({"max_bytes": size - 1}, f"{size} .* most is {size - 1}$"),
        ({"min_side": least + 1}, f"at least {least + 1}$"),
        ({"max_side": most - 1}, f"at most {most - 1}$"),
    )
    for tighter, named in tightened:
        problem = replace(exact, **tighter).broken_by(image)
        assert problem is not None
        with pytest.raises(ValueError, match=named):
            raise ValueError(problem)


@given(images)
def test_without_limits_everything_is_taken(image: Image) -> None:
    assert PictureLimits().broken_by(image) is None


def test_a_type_may_have_limits_of_its_own() -> None:
    png = Image.of(PROBE)
    strict = PictureLimits(max_side=1, by_format={ImageFormat.PNG: PictureLimits(max_side=64)})
    assert strict.broken_by(png) is None
    assert strict.broken_by(replace(png, format=ImageFormat.JPEG)) is not None


@both_ways
@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"pictures": PictureLimits(max_side=63)}, "64 x 48 pixels"),
        ({"pictures": PictureLimits(max_bytes=1000, in_base64=True)}, "letters of base64"),
        ({"formats": frozenset({ImageFormat.JPEG})}, "PNG, only JPEG; images.prepare"),
    ],
)
def test_nothing_is_sent_that_would_not_be_taken(
    ask: Ask, limits: dict[str, Any], named: str
) -> None:
    with Server(reply(200, {"similarity": 93.5})) as server:
        provider = veridia(server.url)
        provider.info = replace(provider.info, **limits)
        with pytest.raises(UnsupportedPicture, match=f"does not take .*{named}") as caught:
            ask(provider, probe=PROBE, gallery=DOCUMENT)
        assert isinstance(caught.value, ImageRejected)
        assert (caught.value.image, caught.value.fails_over) == ("probe", True)
        assert not server.seen


@both_ways
def test_the_picture_at_fault_is_named(ask: Ask) -> None:
    padded = picture(size=(128, 96))
    with Server(reply(200, {"similarity": 93.5})) as server:
        provider = veridia(server.url)
        heavy = max(len(PROBE), len(DOCUMENT))
        provider.info = replace(provider.info, pictures=PictureLimits(max_bytes=heavy))
        with pytest.raises(UnsupportedPicture) as caught:
            ask(provider, probe=PROBE, gallery=[DOCUMENT, padded])
    assert caught.value.image == "gallery[1]"
