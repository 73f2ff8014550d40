"""The rows of the tables about plugins: what each can do, hears and says. See ``tables``."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from facegate import CaptureRejected, ConfigurationError, Operation
from facegate.plugin import NOT_LIVE, CompatibleApi, Provider, ProviderInfo, Rates
from facegate.providers.http import HttpProvider
from facegate.providers.registry import Registry
from facegate.runtime.flow import HttpReply
from facegate.scores import ScoreMapping, ScoreSpec
from facegate.testing.strategies import every_error

Rows = Iterator[Sequence[str]]

DECIDES: Final[Mapping[str, str]] = {
    "azure_face": "facegate",
    "compreface": "facegate",
    "deepface": "facegate",
    "local": "facegate",
    "opencv_cloud": "facegate",
    "opencv_fr": "the vendor",
    "regula": "facegate",
    "rekognition": "facegate",
    "tencent": "facegate",
    "verifik": "the vendor if it says so, else facegate",
}
"""Who holds the score against the threshold; a test asks each and looks."""


def shipped() -> list[str]:
    """The plugins of this repository, the embedded engine first."""
    files = Path(__file__).parents[2].glob("plugins/*/pyproject.toml")
    found = [tomllib.loads(file.read_text(encoding="utf-8"))["project"] for file in files]
    names = [name for each in found for name in each["entry-points"]["facegate"]]
    return sorted(names, key=lambda name: (name != "local", name))


def provider(plugin: str) -> type[Provider]:
    """The plugin's class; it is the only one that loads."""
    return Registry(only=[plugin]).provider_type(plugin)


def compatible_api(plugin: str) -> CompatibleApi:
    """The plugin's API with its default settings."""
    kind = Registry(only=[plugin]).api_type(plugin)
    return kind(kind.settings_type())


def matrix() -> Rows:
    """What every plugin can do, a row each."""
    operations = [f"`{each}`" for each in Operation]
    yield "plugin", *operations, "compatible API", "says", "who decides", "credential", "billed"
    for name in shipped():
        kind = provider(name)
        yield (
            f"[`{name}`]({name}.md)",
            *(_offered(kind, operation) for operation in Operation),
            _yes(has_api(name)),
            "scores" if kind.info.scores else "yes or no",
            DECIDES[name],
            _credential(kind),
            str(kind.info.billed),
        )


def scales() -> Rows:
    """Where every plugin's decisions lie, and who says how often they are wrong."""
    yield "plugin", "`threshold`", "false match rate (`fmr:`)", "`liveness_threshold`", "lineage"
    for name in shipped():
        info = provider(name).info
        needed = provider(name).settings_type.model_fields["threshold"].is_required()
        match = "has to be given" if needed else _bounds(info.match)
        bounds = (match, _rates(info), _bounds(info.liveness))
        yield f"[`{name}`]({name}.md)", *bounds, f"`{info.lineage}`"


def pictures() -> Rows:
    """What pictures every plugin takes, and what it makes of several faces on one."""
    yield "plugin", "picture types", "gallery pictures", "several faces: probe", "gallery"
    for name in shipped():
        info = provider(name).info
        most = "any number" if info.max_gallery is None else f"up to {info.max_gallery}"
        several = (str(info.several_faces.probe), str(info.several_faces.gallery))
        yield f"[`{name}`]({name}.md)", ", ".join(sorted(info.formats)), most, *several


def recipients() -> Rows:
    """Who gets to see a picture, as a consent must spell it."""
    yield "plugin", "recipient", "keeps", "enrols", "searches", "trains"
    for name in shipped():
        info = provider(name).info
        handling = info.handling
        trains = "not stated" if handling.trains is None else _yes(handling.trains)
        named = "nobody: always covered" if info.embedded else f"`{handling.recipient}`"
        does = (_yes(handling.enrols), _yes(handling.searches), trains)
        yield f"`{name}`", named, str(handling.keeps), *does


def _offered(kind: type[Provider], operation: Operation) -> str:
    if operation in kind.withheld(kind.settings_type.model_construct()):
        return "if set"
    return _yes(operation in kind.capabilities)


def _yes(fact: object) -> str:
    return "yes" if fact else "no"


def rates(info: ProviderInfo) -> Rates | None:
    """The false match rates that a plugin comes with."""
    if info.calibration:
        return info.calibration.match_rates()
    return info.match.rates if info.match else None


def _rates(info: ProviderInfo) -> str:
    known = rates(info)
    if known is None:
        return "not known"
    return f"by {known.by}'s own word" if known.on is None else "measured"


def _bounds(spec: ScoreSpec | None) -> str:
    if spec is None:
        return "cannot be set"
    low, high = spec.bounds
    kind = "a distance, " if spec.scale.lower_is_closer else ""
    return f"{kind}{low:g} to {high:g}, else {spec.threshold:g}"


def _credential(kind: type[Provider]) -> str:
    fields = kind.settings_type.model_fields.items()
    found = [name for name, field in fields if field.is_required() and "Secret" in repr(field)]
    return ", ".join(f"`{name}`" for name in found) or "none"


def has_api(plugin: str) -> bool:
    """Whether a plugin speaks its vendor's API, too."""
    try:
        return bool(compatible_api(plugin))
    except ConfigurationError:
        return False


def codes(plugin: str) -> Rows:
    """Where each of a vendor's errors ends."""
    kind = provider(plugin)
    assert issubclass(kind, HttpProvider)  # noqa: S101
    ends: dict[str, list[str]] = defaultdict(list)
    for code, means in kind.errors.codes.items():
        ends[_name(means)].append(f"`{code}`")
    for status, means in kind.errors.statuses.items():
        ends[_name(means)].append(f"{status} without a known code")
    yield "becomes", "the vendor's code"
    for name in sorted(ends):
        yield name, ", ".join(ends[name])


def _name(means: Any) -> str:
    if means is NOT_LIVE:
        return "an answer: not live"
    return f"`{means.__name__ if isinstance(means, type) else f'CaptureRejected: {means}'}`"


def sandbox(plugin: str) -> Rows:
    """Every error of an API that the sandbox sends on demand."""
    yield "`error=`", "status", "with the texts"
    for name, sent in compatible_api(plugin).errors.items():
        told = (text for text in texts(sent.body) if text != name)
        yield f"`{name}`", str(sent.status), ", ".join(f"`{text}`" for text in told)


def texts(body: Any) -> Iterator[str]:
    """Every text in a body, without the names of its fields."""
    if isinstance(body, str):
        yield body
        return
    if isinstance(body, Mapping | list | tuple):
        for value in body.values() if isinstance(body, Mapping) else body:
            yield from texts(value)


def failures(plugin: str) -> Rows:
    """What each failure behind an API is sent as, by the names that the sandbox has: made anew."""
    api = compatible_api(plugin)
    named: list[str] = []
    send = api.error

    def noted(name: str, **changes: Any) -> HttpReply:
        named.append(name)
        return send(name, **changes)

    api.error = noted  # type: ignore[method-assign]
    said: dict[str, list[str]] = defaultdict(list)
    for error in every_error():
        reason = f": {error.reason}" if isinstance(error, CaptureRejected) else ""
        status = api.encode_error(error).status
        said[f"{status} `{named[-1]}`"].append(f"`{error.code}{reason}`")
    yield "sent", "for"
    yield from ((told, ", ".join(dict.fromkeys(said[told]))) for told in sorted(said))


EXAMPLES: Final = (0.2, 0.39, 0.67, 0.7, 0.845, 0.934, 1.0)


def mapping(here: str, *there: str) -> Rows:
    """Scores of one plugin in the words of others."""
    own = provider(here).info.match
    assert own is not None  # noqa: S101
    ways = [ScoreMapping(own, compatible_api(name).match) for name in there]
    yield f"`{here}` says", *(f"the `{name}` API says" for name in there), "same person"
    for score in EXAMPLES:
        told = (f"{way.score(score):.3f}" for way in ways)
        yield f"{score:g}", *told, "yes" if own.is_yes(score, own.threshold) else "no"
    yield "**threshold**", *(f"**{way.target.threshold:g}**" for way in ways), ""


def gallery() -> Rows:
    """What a rule of "any match" does to a false match rate."""
    sizes = (1, 2, 3, 5, 10)
    yield "of one comparison", *(f"{size} picture{'s' * (size > 1)}" for size in sizes)
    for rate in (1e-3, 1e-4, 1e-5):
        yield f"1 in {1 / rate:,.0f}", *(f"1 in {1 / _any(rate, size):,.0f}" for size in sizes)


def _any(rate: float, size: int) -> float:
    return 1 - (1 - rate) ** size


TABLES: Final[dict[str, Callable[..., Rows]]] = {
    "codes": codes,
    "mapping": mapping,
    "failures": failures,
    "gallery": gallery,
    "matrix": matrix,
    "pictures": pictures,
    "recipients": recipients,
    "sandbox": sandbox,
    "scales": scales,
}
