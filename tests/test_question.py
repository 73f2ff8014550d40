"""What a caller may give as probe and gallery, and which picture an error names."""

from __future__ import annotations

import dataclasses
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from acme import MATCH, Scripted
from drawn import picture
from facegate import (
    AsyncFaceVerifier,
    CaptureReason,
    CaptureRejected,
    FaceVerifier,
    Image,
    ImageFormat,
    ImageLimits,
    ImageRejected,
    InvalidRequest,
    Liveness,
    Match,
)
from facegate.images.image import ImageSource
from facegate.images.intake import Intake
from facegate.plugin import (
    Answer,
    BlockingProvider,
    CompareRequest,
    Flow,
    Handling,
    Kept,
    LivenessRequest,
    ProviderInfo,
    ProviderSettings,
)

PROBE, FIRST, SECOND = (picture(seed=seed) for seed in range(3))


class Witness(BlockingProvider[ProviderSettings]):
    """Remembers the gallery it was shown."""

    settings_type = ProviderSettings
    info = ProviderInfo(
        plugin="witness",
        lineage="none",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset(ImageFormat),
    )
    shown: tuple[Image, ...] | None = None

    def compare(self, request: CompareRequest[ProviderSettings]) -> Answer:
        self.shown = request.gallery
        return Answer(Match(is_match=True))

    def liveness(self, request: LivenessRequest[ProviderSettings]) -> Answer:
        self.shown = ()
        return Answer(liveness=Liveness(passed=True))


@pytest.fixture
def witness() -> Witness:
    return Witness(ProviderSettings())


@pytest.fixture
def verifier(witness: Witness) -> Iterator[FaceVerifier]:
    with FaceVerifier(witness) as verifier:
        yield verifier


def gallery_of(witness: Witness) -> list[bytes]:
    return [image.data for image in witness.shown or ()]


def test_one_picture_is_a_gallery_of_one(
    verifier: FaceVerifier, witness: Witness, tmp_path: Path
) -> None:
    path = tmp_path / "passport.png"
    path.write_bytes(FIRST)
    ones: list[Any] = [path, str(path), FIRST, bytearray(FIRST), memoryview(FIRST)]
    for one in [*ones, io.BytesIO(FIRST), Image.from_bytes(FIRST)]:
        verifier.compare(PROBE, one)
        assert gallery_of(witness) == [FIRST]


def test_several_pictures_keep_their_order(verifier: FaceVerifier, witness: Witness) -> None:
    for several in ([FIRST, SECOND], (FIRST, SECOND), iter([FIRST, SECOND])):
        verifier.compare(PROBE, several)
        assert gallery_of(witness) == [FIRST, SECOND]


def test_an_empty_gallery_is_refused(verifier: FaceVerifier) -> None:
    with pytest.raises(InvalidRequest, match="the gallery is empty"):
        verifier.compare(PROBE, [])


@pytest.mark.parametrize("gallery", [None, 7])
def test_what_is_no_gallery_is_refused(verifier: FaceVerifier, gallery: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"the gallery is a {type(gallery).__name__}"):
        verifier.compare(PROBE, gallery)


@pytest.mark.parametrize("bad", [b"", b"no picture", "gone.jpg", None, "https://example.org/a.jpg"])
def test_an_error_names_the_picture_and_nobody_is_asked(
    verifier: FaceVerifier, witness: Witness, bad: Any
) -> None:
    with pytest.raises(ImageRejected, match=r"^probe: ") as caught:
        verifier.compare(bad, FIRST)
    assert caught.value.image == "probe"
    with pytest.raises(ImageRejected, match=r"^gallery\[1\]: ") as caught:
        verifier.compare(PROBE, [FIRST, bad])
    assert caught.value.image == "gallery[1]"
    with pytest.raises(ImageRejected, match=r"^probe: "):
        verifier.liveness(bad)
    assert witness.shown is None


def test_a_url_is_refused_with_the_setting_that_would_allow_it(verifier: FaceVerifier) -> None:
    with pytest.raises(ImageRejected, match=r"images\.fetch_urls = true"):
        verifier.liveness("https://example.org/selfie.jpg")


def test_the_very_same_picture_twice_is_a_mix_up(verifier: FaceVerifier, witness: Witness) -> None:
    with pytest.raises(InvalidRequest, match=r"^gallery\[0\]: the very same picture as the probe"):
        verifier.compare(PROBE, [PROBE])
    assert witness.shown is None


def test_a_picture_that_is_in_the_gallery_twice_is_asked_about_once() -> None:
    def script(request: CompareRequest[ProviderSettings]) -> Flow[Answer]:
        assert [image.data for image in request.gallery] == [FIRST, SECOND]
        if request.threshold == 0.9:
            raise CaptureRejected("x", reason=CaptureReason.NOT_STATED, image="gallery[1]")
        yield from ()
        return Answer(match=MATCH.match(0.95, request.threshold, (0.1, 0.95)))

    gallery: list[ImageSource] = [FIRST, bytearray(FIRST), SECOND]
    with FaceVerifier(Scripted(script)) as verifier:
        result = verifier.compare(PROBE, gallery)
        assert result.match is not None
        assert result.match.gallery_scores == (0.1, 0.1, 0.95)
        with pytest.raises(CaptureRejected, match=r"^main: gallery\[2\]|^gallery\[2\]"):
            verifier.compare(PROBE, gallery, threshold=0.9)


def test_limits_hold_for_every_picture(witness: Witness) -> None:
    small = Intake(ImageLimits(max_pixels=64 * 48))
    large = picture(size=(65, 48))
    with FaceVerifier(witness, intake=small) as verifier:
        verifier.compare(PROBE, FIRST)
        with pytest.raises(ImageRejected, match=r"^gallery\[0\]: 65 x 48 pixels"):
            verifier.compare(PROBE, large)


def test_what_a_file_of_the_callers_raises_is_about_that_picture(witness: Witness) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise RuntimeError("anything at all")

    with FaceVerifier(witness) as verifier, pytest.raises(ImageRejected) as caught:
        verifier.compare(PROBE, [FIRST, Broken()])
    assert str(caught.value) == "gallery[1]: reading it raised RuntimeError"


def test_a_mapping_is_no_gallery(witness: Witness) -> None:
    gallery: Any = {"first": FIRST}
    with FaceVerifier(witness) as verifier, pytest.raises(InvalidRequest, match="is a dict"):
        verifier.compare(PROBE, gallery)


def test_a_file_that_stalls_is_no_providers_timeout() -> None:
    let = threading.Event()

    class Stalled(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            let.wait(60)
            return PROBE

    async def main() -> None:
        impatient = Witness(ProviderSettings(deadline_s=0.1))
        late = pytest.raises(ImageRejected, match=r"probe: no answer within the deadline of 0\.1 s")
        async with AsyncFaceVerifier(impatient) as verifier:
            with late:
                await verifier.liveness(Stalled())
            let.set()

    anyio.run(main)


def test_an_async_file_is_named_for_what_it_is(witness: Witness) -> None:
    class Upload:
        async def read(self, size: int = -1) -> bytes:
            return PROBE

    upload: Any = Upload()
    with FaceVerifier(witness) as verifier, pytest.raises(ImageRejected, match="await its read"):
        verifier.liveness(upload)


def test_liveness_that_a_provider_leaves_open_is_not_live() -> None:
    class Silent(Witness):
        def liveness(self, request: LivenessRequest[ProviderSettings]) -> Answer:
            return Answer()

    with FaceVerifier(Silent(ProviderSettings())) as verifier:
        result = verifier.liveness(PROBE)
    assert not result.accepted
    assert result.liveness is not None
    assert not result.liveness.passed


def test_a_gallery_is_read_no_further_than_the_provider_takes(witness: Witness) -> None:
    def endless() -> Iterator[bytes]:
        for seed in range(1000):
            assert seed < 4, "nobody reads on"
            yield picture(seed=seed + 1)

    witness.info = dataclasses.replace(Witness.info, max_gallery=3)
    with FaceVerifier(witness) as verifier, pytest.raises(InvalidRequest) as caught:
        verifier.compare(PROBE, endless())
    assert str(caught.value) == "gallery[3]: more than the 3 images that the provider takes"


def test_options_that_are_no_table_are_refused(witness: Witness) -> None:
    options: Any = 5
    with FaceVerifier(witness) as verifier, pytest.raises(InvalidRequest, match="keyed by plugin"):
        verifier.liveness(PROBE, options=options)
