"""Questions and answers made up by hypothesis, such as a provider can be asked and can give."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Any

from hypothesis import strategies as st

from facegate import Image, ImageFormat, Liveness, Match, Operation
from facegate.plugin import Answer, Asked, Dialect, Provider, ProviderSettings, ScoreSpec
from facegate.question import Question
from facegate.scores import Crossing
from facegate.testing.pictures import noise


def values(settings: type[ProviderSettings], option: str) -> list[Any]:
    """Every value of a per-request option, where its type lists them."""
    schema = settings.model_json_schema()
    described = schema["properties"][option]
    nested = [schema["$defs"][name.rpartition("/")[2]] for name in _references(described)]
    found = list(chain.from_iterable(each.get("enum", ()) for each in (described, *nested)))
    return found or ([False, True] if described.get("type") == "boolean" else [])


def _references(schema: Any) -> list[str]:
    if isinstance(schema, list):
        return [name for each in schema for name in _references(each)]
    if not isinstance(schema, dict):
        return []
    own = [schema["$ref"]] if "$ref" in schema else []
    return own + [name for each in schema.values() for name in _references(each)]


def pictures(provider: Provider[Any]) -> list[Image]:
    """Four different pictures of a type that the provider takes."""
    taken = provider.info.formats
    kind = ImageFormat.PNG if ImageFormat.PNG in taken else ImageFormat.JPEG
    return [Image.of(noise(seed, kind)) for seed in range(1, 5)]


def questions(
    provider: Provider[Any], options: Mapping[str, Any], most: int = 3
) -> st.SearchStrategy[Question]:
    """Questions that the provider can be asked.

    Args:
        provider: whom to ask.
        options: values of options whose type does not list them.
        most: gallery pictures at most.
    """
    info, settings = provider.info, provider.settings_type
    choices = {
        name: st.sampled_from(values(settings, name) or [options[name]])
        for name in sorted(settings.per_call_fields())
        if values(settings, name) or name in options
    }
    most = min(most, info.max_gallery or most)

    @st.composite
    def made(draw: st.DrawFn) -> Question:
        operation = draw(st.sampled_from(sorted(provider.capabilities)))
        probe, *others = draw(st.permutations(pictures(provider)))
        compares, judges = operation != Operation.LIVENESS, operation != Operation.COMPARE
        return Question(
            operation,
            probe,
            tuple(others[: draw(st.integers(1, most))]) if compares else (),
            draw(_threshold(info.match)) if compares else None,
            draw(_threshold(info.liveness)) if judges else None,
            {info.plugin: draw(st.fixed_dictionaries({}, optional=choices))},
        )

    return made()


def _threshold(spec: ScoreSpec | None) -> st.SearchStrategy[float | None]:
    if spec is None:
        return st.none()
    low, high = spec.bounds
    lowest = int(low * 10_000) + (low <= spec.scale.low)
    steps = st.integers(lowest, int(high * 10_000)).map(lambda step: step / 10_000)
    return st.none() | steps.filter(lambda value: low <= value <= high)


def answers(dialect: Dialect[Any], asked: Asked) -> st.SearchStrategy[Answer]:
    """Answers to what was asked, their scores on the spoken scale, as a server would pass them on.

    Among them are those without scores, unless the dialect needs them, and those of vendors that do
    not compare a spoof.
    """

    def scores(spec: ScoreSpec) -> st.SearchStrategy[float | None]:
        some = st.floats(spec.scale.low, spec.scale.high)
        return some if dialect.needs_scores else some | st.none()

    @st.composite
    def made(draw: st.DrawFn) -> Answer:
        match = liveness = None
        if asked.operation is not Operation.COMPARE:
            spec = dialect.liveness
            verdict = Liveness(passed=draw(st.booleans()), score=draw(scores(spec)))
            liveness = Crossing(spec, spec).liveness(verdict, asked.liveness_threshold)
        spoof = liveness is not None and not liveness.passed
        if asked.operation is not Operation.LIVENESS and not (spoof and draw(st.booleans())):
            spec = dialect.match
            found = Match(is_match=draw(st.booleans()), score=draw(scores(spec)))
            match = Crossing(spec, spec).match(found, asked.threshold)
        return Answer(match, liveness)

    return made()
