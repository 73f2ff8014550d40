"""The embedded engine as a facegate provider: no account, no network, no second recipient."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final, Literal, TypeVar

import cv2
from pydantic import Field

from facegate.plugin import (
    Answer,
    Billed,
    BlockingProvider,
    Box,
    CompareLiveRequest,
    CompareRequest,
    ConfigurationError,
    Face,
    FacegateError,
    FacePolicy,
    Handling,
    Image,
    ImageFormat,
    InvalidRequest,
    Kept,
    Liveness,
    LivenessRequest,
    Match,
    Operation,
    ProviderInfo,
    ProviderSettings,
    ProviderUnavailable,
    SeveralFaces,
    Side,
    Template,
    UnmappedError,
    per_call,
    seconds_left,
)
from facegate_local import pad, scores, templates
from facegate_local.calibrations import CALIBRATION, RUNTIME
from facegate_local.embedding import Embedding
from facegate_local.engine import Engine, Others
from facegate_local.faces import Scene
from facegate_local.gates import SMALL_FACE
from facegate_local.pool import Pool
from facegate_local.store import DIRECTORY_VARIABLE, ModelStore

_NOTES: Final = (
    (
        "Measured on Labeled Faces in the Wild (adults, mostly frontal press photos): at the"
        " default threshold 0.70, 1 in 10,000 pairs of strangers match and 0.46 % of genuine pairs"
        " do not (2.9 % if every person counts the same)."
    ),
    "Between 0.67 and 0.70 the false match rate falls tenfold, so small steps matter there.",
    (
        "Among women 1 pair of strangers in 4,500 matches at 0.70 and 5.9 % of genuine pairs do"
        " not, among men 1 in 14,700 and 1.7 %. Age, origin and skin were not measured."
    ),
    "No figures exist for children, for profiles, or across decades.",
    "Twins and look-alikes match.",
    (
        "Liveness is a filter for prints and screens and holds no certificate: at 0.5 it missed 2"
        " of 15 prints and screens and 3 of 3 masks and held paper faces."
    ),
    (
        "Liveness at 0.5 refused 2 of 13 live people and 9.6 % of 1,422 press photos; dark, small"
        " and distant faces suffer most. These tests were small."
    ),
    "Dark sunglasses read as closed eyes, which liveness refuses.",
    "Masks, hands and other covers of a face are not noticed.",
)


class LocalSettings(ProviderSettings):
    """Settings of the embedded engine."""

    models_dir: Path | None = Field(
        default=None,
        description="Folder of the model files; FACEGATE_MODELS_DIR or the cache if absent.",
    )
    model_paths: Mapping[str, Path] = Field(
        default_factory=dict, description="Model files that lie elsewhere, by name."
    )
    pull: bool = Field(default=True, description="Fetch a missing model file at its first use.")
    engines: int | None = Field(
        default=None,
        ge=1,
        description="Requests served at once, about 100 MB each; the cores if absent.",
    )
    several_faces: Literal["refuse", "vendor_gallery", "vendor"] = per_call(
        "refuse",
        description="Refuse several faces, or take the most prominent one, in the gallery"
        " (`vendor_gallery`) or everywhere (`vendor`). Further portraits of one person, as"
        " documents have them, are no second face in the gallery.",
    )
    copies: Literal["warn", "refuse"] = per_call(
        "warn",
        description="Warn of a probe that looks like a picture of the gallery saved anew, resized"
        " or cropped, or refuse it.",
    )
    require_open_eyes: bool = per_call(
        default=True, description="Refuse closed eyes, and dark sunglasses, in liveness questions."
    )


class Local(BlockingProvider[LocalSettings]):
    """The embedded engine: YuNet, SFace and a MiniFASNet in OpenCV, in this process."""

    settings_type = LocalSettings
    info = ProviderInfo(
        plugin="local",
        lineage="opencv-zoo/yunet-2023mar+sface-2021dec",
        max_gallery=100,
        handling=Handling(
            recipient="this process", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False
        ),
        formats=frozenset(
            {
                ImageFormat.JPEG,
                ImageFormat.PNG,
                ImageFormat.WEBP,
                ImageFormat.BMP,
                ImageFormat.TIFF,
                ImageFormat.JPEG2000,
            }
        ),
        several_faces=SeveralFaces(FacePolicy.REFUSES, FacePolicy.REFUSES),
        match=scores.MATCH,
        liveness=pad.LIVENESS,
        faces=True,
        embedded=True,
        billed=Billed.NO,
        environment=frozenset({DIRECTORY_VARIABLE}),
        notes=_NOTES,
        calibration=CALIBRATION,
    )

    def __init__(self, settings: LocalSettings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.info = replace(self.info, several_faces=_POLICIES[settings.several_faces])
        self._models = ModelStore(settings.models_dir, settings.model_paths, pull=settings.pull)
        self._engines = Pool(
            lambda: Engine(self._models), size=settings.engines or os.cpu_count() or 1
        )

    def compare(self, request: CompareRequest[LocalSettings]) -> Answer:
        probe, match, faces = self._matched(request)
        return Answer(match=match, warnings=_warnings(probe, faces, match), faces=faces)

    def compare_live(self, request: CompareLiveRequest[LocalSettings]) -> Answer:
        probe, match, faces = self._matched(request)
        liveness = self._judged(request, probe)
        warnings = _warnings(probe, faces, match)
        return Answer(match=match, liveness=liveness, warnings=warnings, faces=faces)

    def liveness(self, request: LivenessRequest[LocalSettings]) -> Answer:
        others = _in_probe(request.settings)
        (scene,) = self._run([lambda engine: engine.see(request.probe, "probe", others=others)])
        faces = _faces("probe", scene)
        liveness = self._judged(request, scene)
        return Answer(liveness=liveness, warnings=_warnings(scene, faces), faces=faces)

    def template(self, image: Image) -> Template:
        sides: dict[Side, Others] = {
            "probe": _in_probe(self.settings),
            "gallery": _in_gallery(self.settings),
        }
        job = partial(templates.template, image=image, others=sides)
        (template,) = self._run([job])
        return template

    def template_scores(
        self, probes: Sequence[Template], gallery: Sequence[Template]
    ) -> Sequence[float]:
        return templates.all_scores(probes, gallery)

    def template_refusal(self, gallery_scores: Sequence[float]) -> FacegateError | None:
        return _refused_copy(self.settings, gallery_scores)

    def fingerprint(self) -> str:
        return RUNTIME

    def findings(self) -> Sequence[str]:
        consequence = "it is pulled at its first use" if self.settings.pull else "it is not pulled"
        return [
            f"the model file {self._models.location(name)} ({name}) is missing; {consequence}"
            for name in self._models.missing()
        ]

    def unable(self) -> Mapping[Operation, str]:
        missing = set() if self.settings.pull else set(self._models.missing())
        needed = {
            operation: _NEEDED[operation] & missing for operation in sorted(self.capabilities)
        }
        return {
            operation: f"no model file for {' and '.join(sorted(names))}; facegate models pull"
            for operation, names in needed.items()
            if names
        }

    def warm(self) -> None:
        needed = frozenset(chain.from_iterable(_NEEDED[each] for each in self.capabilities))
        self._engines.warm(lambda engine: engine.load(needed))

    def close(self) -> None:
        self._engines.clear()

    def _matched(self, request: _Comparing) -> tuple[Scene, Match, tuple[Face, ...]]:
        """The probe as it was seen, how it compares, and all faces; nothing else keeps its pixels.

        The jobs run side by side, but a dictionary takes what each finds without a lock.
        """
        seen: list[Scene] = []
        in_probe = _in_probe(request.settings)
        in_gallery = _in_gallery(request.settings)
        faces: dict[str, tuple[Face, ...]] = {}

        def probe(engine: Engine) -> Embedding:
            seen.append(engine.see(request.probe, "probe", others=in_probe))
            return engine.embed(seen[0], "probe")

        def claimed(engine: Engine, *, image: Image, label: str) -> Embedding:
            scene = engine.see(image, label, others=in_gallery)
            faces[label] = _faces(label, scene)
            return engine.embed(scene, label)

        jobs: list[Callable[[Engine], Embedding]] = [probe]
        jobs += [
            partial(claimed, image=image, label=f"gallery[{index}]")
            for index, image in enumerate(request.gallery)
        ]
        own, *others = self._run(jobs)
        all_scores = tuple(scores.score(float(own @ each)) for each in others)
        match = scores.MATCH.match(max(all_scores), request.threshold, all_scores)
        if (refused := _refused_copy(request.settings, all_scores)) is not None:
            raise refused
        claimed_faces = (faces[f"gallery[{n}]"] for n in range(len(request.gallery)))
        return seen[0], match, tuple(chain(_faces("probe", seen[0]), *claimed_faces))

    def _judged(self, request: _Judging, probe: Scene) -> Liveness:
        require_open_eyes = request.settings.require_open_eyes
        (score,) = self._run(
            [lambda engine: engine.liveness(probe, "probe", require_open_eyes=require_open_eyes)]
        )
        return pad.LIVENESS.liveness(score, request.liveness_threshold)

    def _run(self, jobs: Sequence[Callable[[Engine], R]]) -> list[R]:
        seconds = min(self.settings.deadline_s, seconds_left())
        try:
            return self._engines.run(jobs, timeout=seconds)
        except ConfigurationError as error:  # a model is missing: others may answer meanwhile
            raise ProviderUnavailable(error.message) from error
        except cv2.error as error:
            raise UnmappedError(
                f"OpenCV failed inside the engine ({error.func or 'unknown function'})"
            ) from error


_COMPARING = frozenset({"detector", "embedder"})
_JUDGING = frozenset({"detector", "landmarks", "eyes", "liveness"})
_NEEDED: Final = {
    Operation.COMPARE: _COMPARING,
    Operation.LIVENESS: _JUDGING,
    Operation.COMPARE_LIVE: _COMPARING | _JUDGING,
}
"""Model files by what needs them."""

_POLICIES: Final = {
    "refuse": SeveralFaces(FacePolicy.REFUSES, FacePolicy.REFUSES),
    "vendor_gallery": SeveralFaces(FacePolicy.REFUSES, FacePolicy.LARGEST),
    "vendor": SeveralFaces(FacePolicy.LARGEST, FacePolicy.LARGEST),
}

R = TypeVar("R")
_Comparing = CompareRequest[LocalSettings] | CompareLiveRequest[LocalSettings]
_Judging = LivenessRequest[LocalSettings] | CompareLiveRequest[LocalSettings]


def _in_probe(settings: LocalSettings) -> Others:
    return "any" if settings.several_faces == "vendor" else "none"


def _faces(label: str, scene: Scene) -> tuple[Face, ...]:
    return tuple(
        Face(
            image=label,
            box=Box(left=left, top=top, width=width, height=height),
            confidence=min(face.score, 1.0),
        )
        for face, (left, top, width, height) in zip(scene.faces, scene.boxes(), strict=True)
    )


def _in_gallery(settings: LocalSettings) -> Others:
    return "portraits" if settings.several_faces == "refuse" else "any"


def _copied(gallery_scores: Sequence[float | None]) -> list[str]:
    """A sentence for each picture of the gallery that the probe looks like a copy of."""
    return [
        f"the probe looks like gallery[{index}] itself, saved anew: take a new picture"
        for index, score in enumerate(gallery_scores)
        if score is not None and score >= scores.COPY
    ]


def _refused_copy(
    settings: LocalSettings, gallery_scores: Sequence[float]
) -> InvalidRequest | None:
    """The refusal of a probe that looks like a copy, where the settings ask for it."""
    copies = _copied(gallery_scores) if settings.copies == "refuse" else []
    return InvalidRequest(copies[0], image="probe") if copies else None


def _warnings(probe: Scene, faces: Sequence[Face], match: Match | None = None) -> tuple[str, ...]:
    warnings = _copied(match.gallery_scores) if match is not None else []
    width = probe.face.width
    if width < SMALL_FACE:
        warnings.append(
            f"the probe's face is only {width:.0f} pixels wide; a larger one is more certain"
        )
    # A card held close, say, with its holder small behind it.
    for image, count in Counter(face.image for face in faces).items():
        if count > 1:
            shown = "the probe" if image == "probe" else image
            warnings.append(f"{shown} shows {count - 1} further face{'s' if count > 2 else ''}")
    return tuple(warnings)
