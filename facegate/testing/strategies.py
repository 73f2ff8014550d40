"""Questions that a provider can be asked, as hypothesis makes them up; answers, and all errors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import EnumType
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from hypothesis import strategies as st

from facegate import (
    CaptureReason,
    CaptureRejected,
    FacegateError,
    Image,
    ImageRejected,
    Liveness,
    Match,
    Operation,
    ProviderUnavailable,
    RateLimited,
)
from facegate.plugin import (
    Answer,
    CompatibleApi,
    DecodedRequest,
    Provider,
    ProviderSettings,
    ScoreSpec,
)
from facegate.question import Question
from facegate.scores import ScoreMapping
from facegate.testing.pictures import fitting


def values(settings: type[ProviderSettings], option: str) -> list[Any]:
    """Every value of a per-request option, where its type lists them."""
    return _listed(settings.model_fields[option].annotation)


def _listed(kind: Any) -> list[Any]:
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return list(inner)
    if origin in (Union, UnionType, Annotated):
        return [value for each in inner for value in _listed(each)]
    if isinstance(kind, EnumType):
        return list(kind)
    return [False, True] if kind is bool else []


def pictures(provider: Provider) -> list[Image]:
    """Four different pictures of a type that the provider takes."""
    return [Image.of(fitting(provider.info, seed)) for seed in range(1, 5)]


def questions(
    provider: Provider, options: Mapping[str, Any], most: int = 3
) -> st.SearchStrategy[Question]:
    """Questions that the provider can be asked.

    Args:
        provider: the one to ask.
        options: values of options whose type does not list them.
        most: gallery pictures at most, 1 to 3.
    """
    info, settings, images = provider.info, provider.settings_type, pictures(provider)
    choices = {
        name: st.sampled_from(values(settings, name) or [options[name]])
        for name in sorted(settings.per_call_fields())
        if values(settings, name) or name in options
    }
    most = min(most, info.max_gallery or most)

    @st.composite
    def drawn(draw: st.DrawFn) -> Question:
        operation = draw(st.sampled_from(sorted(provider.capabilities)))
        probe, *others = draw(st.permutations(images))
        compares, judges = operation != Operation.LIVENESS, operation != Operation.COMPARE
        return Question(
            operation=operation,
            probe=probe,
            gallery=tuple(others[: draw(st.integers(1, most))]) if compares else (),
            threshold=draw(_threshold(info.match)) if compares else None,
            liveness_threshold=draw(_threshold(info.liveness)) if judges else None,
            options={info.plugin: draw(st.fixed_dictionaries({}, optional=choices))},
        )

    return drawn()


def _threshold(spec: ScoreSpec | None) -> st.SearchStrategy[float | None]:
    if spec is None:
        return st.none()
    low, high = spec.bounds
    steps = st.integers(int(low * 10_000), int(high * 10_000)).map(lambda step: step / 10_000)
    usable = (st.sampled_from((low, high)) | steps).filter(
        lambda value: low <= value <= high and value != spec.scale.farthest
    )
    return st.none() | usable


def answers(api: CompatibleApi, decoded: DecodedRequest) -> st.SearchStrategy[Answer]:
    """Answers to a decoded request, their scores on the target scale, as a gateway passes them on.

    Among them are those without scores, unless the api needs them, and those of vendors that do
    not compare a spoof. Many scores are the threshold itself, where one is easily off by a hair.
    """

    def scores(spec: ScoreSpec, threshold: float | None) -> st.SearchStrategy[float | None]:
        just = st.just(spec.threshold if threshold is None else threshold)
        some = just | st.floats(spec.scale.low, spec.scale.high)
        return some if api.needs_scores else some | st.none()

    @st.composite
    def drawn(draw: st.DrawFn) -> Answer:
        match = liveness = None
        if decoded.operation is not Operation.COMPARE:
            spec, threshold = api.liveness, decoded.liveness_threshold
            liveness = ScoreMapping(spec, spec).liveness(
                Liveness(passed=draw(st.booleans()), score=draw(scores(spec, threshold))), threshold
            )
        spoof = liveness is not None and not liveness.passed
        if decoded.operation is not Operation.LIVENESS and not (spoof and draw(st.booleans())):
            spec, threshold = api.match, decoded.threshold
            match = ScoreMapping(spec, spec).match(
                Match(is_match=draw(st.booleans()), score=draw(scores(spec, threshold))), threshold
            )
        return Answer(match, liveness)

    return drawn()


def every_error(base: type[FacegateError] = FacegateError) -> Iterator[FacegateError]:
    """An error of each class at the ends of the tree, and one for each reason."""
    for kind in base.__subclasses__():
        if kind.__module__ != FacegateError.__module__:  # of one room, which no API meets
            continue
        if kind is CaptureRejected:
            for reason in CaptureReason:
                yield CaptureRejected("", reason=reason, image="probe")
        elif kind is RateLimited:
            yield RateLimited("", retry_after=7.0)
        elif kind in (ImageRejected, ProviderUnavailable):  # one word, with what derives from it
            yield kind("")
        elif deeper := list(every_error(kind)):
            yield from deeper
        else:
            yield kind("")
