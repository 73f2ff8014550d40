"""The commands ``facegate providers`` and ``facegate check``: what is configured, and whether it
can work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click

from facegate.cli import terminal
from facegate.cli.options import ACCEPTED, MISCONFIGURED, config_option, json_option, print_json
from facegate.config import Config
from facegate.errors import ConfigurationError, FacegateError
from facegate.gateway.settings import wrong_with
from facegate.opening import observers, recorder
from facegate.providers import calibrated
from facegate.providers.provider import Provider
from facegate.providers.registry import Registry
from facegate.rates import preset
from facegate.scores import ScoreSpec
from facegate.thresholds import Wanted

if TYPE_CHECKING:
    from facegate.sentinel.estimate import Estimate

_REQUIRED = "(required)"
"""Stands for a setting of a plugin that nobody has configured yet."""


@click.command()
@click.argument("name", required=False)
@config_option
@json_option
def providers(name: str | None, config: str | None, *, as_json: bool) -> None:
    """List the providers, or show all about the one called NAME.

    Without a configuration these are the plugins: installed, with what each needs, or not.
    """
    registry, loaded = Registry(), Config.load(config)
    if name:
        provider = _shown(loaded, registry, name)
        if as_json:
            print_json(_described(provider))
        else:
            terminal.console().print(terminal.provider_page(provider))
        return
    outcomes = _built(loaded, registry, list(loaded.providers) or registry.names())
    needed, absent = dict[str, str](), dict[str, str]()
    if not loaded.providers:
        absent = dict(registry.absent())
        for plugin in [key for key, each in outcomes.items() if isinstance(each, FacegateError)]:
            with contextlib.suppress(ConfigurationError):
                outcomes[plugin] = _shown(loaded, registry, plugin)
                needed[plugin] = ", ".join(_required(registry.provider_type(plugin)))
    if as_json:
        described = {key: _described(value) for key, value in outcomes.items()}
        lacking = {key: {"needs": lacks.split(", ")} for key, lacks in needed.items()}
        missing = {key: {"install": each} for key, each in absent.items()}
        print_json({key: each | lacking.get(key, {}) for key, each in described.items()} | missing)
    else:
        terminal.console().print(terminal.provider_table(outcomes, needed, absent))


def _shown(loaded: Config, registry: Registry, name: str) -> Provider:
    """The provider, or a plugin nobody has configured yet: one looks it up to do so."""
    try:
        return loaded.provider(registry, name)
    except ConfigurationError:
        if name in loaded.providers or name not in registry.names():
            raise
    kind = registry.provider_type(name)
    required = _required(kind)
    provider = kind.__new__(kind)  # it could not be made without them, and is shown alone
    provider.settings = kind.settings_type.model_construct(**dict.fromkeys(required, _REQUIRED))
    provider.name = name
    return provider


def _required(kind: type[Provider]) -> list[str]:
    return [key for key, each in kind.settings_type.model_fields.items() if each.is_required()]


@click.command()
@config_option
@json_option
def check(config: str | None, *, as_json: bool) -> int:
    """Check the configuration: every provider and route, and variables that nothing reads."""
    registry, loaded = Registry(), Config.load(config)
    # With nothing configured, only the plugin that would answer has to work.
    names = list(loaded.providers) or [loaded.default(registry)]
    outcomes = _built(loaded, registry, names)
    errors = {name: e.message for name, e in outcomes.items() if isinstance(e, FacegateError)}
    try:
        default = loaded.default(registry)
    except ConfigurationError as error:
        default = "none"
        errors["default"] = error.message
    built = {name: p for name, p in outcomes.items() if isinstance(p, Provider)}
    errors |= {
        f"{name}: {operation} cannot be answered": reason
        for name, provider in built.items()
        for operation, reason in provider.unable().items()
    }
    warnings = [f"{name}: {finding}" for name, p in built.items() for finding in p.findings()]
    warnings += _rates_findings(loaded, built)
    images = loaded.document.images
    vendors = [name for name, p in built.items() if not p.info.embedded]
    if images.keep_metadata and vendors:
        warnings.append(
            f"images.keep_metadata: {', '.join(vendors)} will be told when, where and with what"
            " device a picture was taken"
        )
    for name in loaded.routes:
        try:
            findings = _route_findings(loaded, registry, name, built)
            warnings += [f"{name}: {finding}" for finding in findings]
        except ConfigurationError as error:
            errors[f"routes.{name}"] = error.message
    errors |= wrong_with(loaded, registry)
    errors |= _kept_wrong(loaded)
    watched, unwatchable = _watched(loaded)
    errors |= unwatchable
    warnings += _unwatched(loaded, built)
    own = set().union(*(p.info.environment for p in built.values()))
    warnings += [f"{key} is set, but nothing reads it" for key in loaded.unread if key not in own]
    if as_json:
        listed = {"providers": sorted(outcomes), "routes": sorted(loaded.routes)}
        report = {"source": loaded.source, "default": default, **listed}
        pictures = images.model_dump(include={"keep_metadata", "prepare"})
        watching = [each.as_data() for each in watched]
        found = {"sentinel": watching, "errors": errors, "warnings": warnings}
        print_json({**report, "pictures": pictures, **found})
    else:
        out = terminal.console()
        routes = f", {len(loaded.routes)} route(s)" if loaded.routes else ""
        out.print(f"{loaded.source}: {len(outcomes)} provider(s){routes}, default {default}")
        if vendors:
            metadata = "with" if images.keep_metadata else "without"
            converted = ", converted where they do not take them" if images.prepare else ""
            out.print(f"pictures for vendors: {metadata} metadata{converted}")
        for each in watched:
            out.print(f"sentinel: {each}")
        for line in (*(f"{name}: {text}" for name, text in errors.items()), *warnings):
            out.print(f"- {line}")
        if not errors and not warnings:
            out.print("Nothing to complain about.")
    return MISCONFIGURED if errors else ACCEPTED


def _kept_wrong(loaded: Config) -> dict[str, str]:
    """What is wrong with where requests are recorded and told of."""
    errors: dict[str, str] = {}
    for name, make in (("journal", recorder), ("telemetry", observers)):
        try:
            make(loaded)
        except ConfigurationError as error:
            errors[name] = error.message
    return errors


def _watched(loaded: Config) -> tuple[list[Estimate], dict[str, str]]:
    """What watching providers takes, and why one of them could not be watched."""
    found: list[Estimate] = []
    errors: dict[str, str] = {}
    table = loaded.document.sentinel
    if table is None:
        return found, errors
    from facegate.sentinel.asking import Asker
    from facegate.sentinel.estimate import Estimate

    for name in table.providers:
        try:
            with closing(Asker.of(loaded, table, name)) as asker:
                found.append(Estimate.of(asker, table.every))
        except FacegateError as error:
            errors[f"sentinel of {name}"] = error.message
    return found, errors


def _unwatched(loaded: Config, built: Mapping[str, Provider]) -> Iterator[str]:
    """Findings about providers that have the engine of a watched one, and no watch."""
    names = loaded.document.sentinel.providers if loaded.document.sentinel else ()
    watched = {built[name].info.lineage: name for name in names if name in built}
    for name, provider in built.items():
        like = watched.get(provider.info.lineage)
        if like is not None and name not in names:
            yield f"{name} has the engine of {like}, and an alarm of {like} does not reach it"


def _rates_findings(loaded: Config, built: Mapping[str, Provider]) -> Iterator[str]:
    """Findings about the error rates that thresholds are given as, in settings or by routes."""
    tables = loaded.document.routes.values()
    policies = [Wanted.of(policy) for table in tables for policy in table.policy.values()]
    for name, provider in built.items():
        asked = [Wanted.of(provider.settings), *(each.for_provider(name) for each in policies)]
        for finding in calibrated.findings(provider, loaded.document.calibration, asked):
            yield f"{name}: {finding}"


def _route_findings(
    loaded: Config, registry: Registry, name: str, built: dict[str, Provider]
) -> Iterator[str]:
    """Findings about a route, unless one of its providers is an error already."""
    plan = loaded.plan(registry)
    if set(plan.providers(name)) <= set(built):
        plan.route(name)
        yield from plan.findings(name)


def _built(
    loaded: Config, registry: Registry, names: Sequence[str]
) -> dict[str, Provider | FacegateError]:
    """Providers by name, or the error that each ends in."""
    outcomes: dict[str, Provider | FacegateError] = {}
    for name in names:
        try:
            outcomes[name] = loaded.provider(registry, name)
        except ConfigurationError as error:
            outcomes[name] = error
    return outcomes


def _described(provider: Provider | FacegateError) -> dict[str, Any]:
    if isinstance(provider, FacegateError):
        return {"error": provider.as_dict()}
    info, settings = provider.info, provider.settings
    unset = {name for name, value in settings if value == _REQUIRED}
    return {
        "name": provider.name,
        "plugin": info.plugin,
        "capabilities": sorted(provider.capabilities),
        "lineage": info.lineage,
        "formats": sorted(info.formats),
        "several_faces": {
            "probe": info.several_faces.probe,
            "gallery": info.several_faces.gallery,
        },
        "handling": {
            "recipient": info.handling.recipient,
            "region": info.handling.region,
            "keeps": info.handling.keeps,
            "keeps_for_s": info.handling.keeps_for_s,
            "enrols": info.handling.enrols,
            "searches": info.handling.searches,
            "trains": info.handling.trains,
        },
        "threshold": _thresholds(info.match),
        "liveness_threshold": _thresholds(info.liveness),
        "settings": settings.model_dump(mode="json", exclude=unset),
        "notes": list(info.notes),
    }


def _thresholds(spec: ScoreSpec | None) -> dict[str, Any] | None:
    """Where decisions lie on a scale; None where there are no scores."""
    if spec is None:
        return None
    rates = spec.rates
    return {
        "scale": spec.scale.name,
        "default": spec.threshold,
        "from": spec.bounds[0],
        "to": spec.bounds[1],
        "rates": rates
        and {
            "by": rates.by,
            "on": rates.on,
            "people": rates.people,
            "calibration": rates.document,
            "refusal": rates.refusal,
            "presets": {
                preset(rate, rates.kind): {
                    "threshold": threshold,
                    "within": rates.within.get(rate, {}),
                }
                for rate, threshold in rates.presets.items()
            },
        },
    }
