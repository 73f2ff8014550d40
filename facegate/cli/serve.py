"""The command ``facegate serve``."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import click

from facegate.cli.options import config_option
from facegate.config import Config
from facegate.errors import ConfigurationError, FacegateError
from facegate.gateway.settings import SandboxSettings, ServeSettings
from facegate.opening import setup
from facegate.providers.compat import CompatibleApi
from facegate.providers.registry import Registry
from facegate.routing.route import Route
from facegate.runtime.extras import extra
from facegate.telemetry import served
from facegate.verifier import AsyncFaceVerifier


@click.command()
@click.option("--compat", multiple=True, metavar="NAME", help="Serve this plugin's compatible API.")
@click.option("--provider", "-p", metavar="NAME", help="Route or provider that answers.")
@config_option
@click.option("--host", help="Address to serve on; 127.0.0.1 by default.")
@click.option("--port", type=int, help="Port to serve on; 8080 by default, 0 for any free one.")
@click.option(
    "--api-key",
    "api_keys",
    multiple=True,
    metavar="KEY",
    help="A key that callers present. Others on this machine can read it here: prefer"
    " --api-key-file or FACEGATE_SERVE__API_KEYS.",
)
@click.option(
    "--api-key-file", type=click.Path(dir_okay=False), help="File of such keys, one a line."
)
@click.option("--sandbox", is_flag=True, help="Let callers force outcomes; for test systems alone.")
def serve(config: str | None, *, sandbox: bool, **options: Any) -> None:
    """Serve compatible APIs: vendors' own, answered by the configured route or provider.

    Each --compat API is at /NAME/..., and with exactly one, at its own paths too. Without any key,
    only this machine is served. Everything may be set in [serve] of the configuration as well.

    On SIGHUP, routes and providers are read from the configuration anew; requests in work are
    finished first. A file that cannot be used is logged and changes nothing. A change of [serve]
    needs a restart.
    """
    with extra("gateway", "starlette", "uvicorn", needed_by="serving"):
        from facegate.gateway.app import create_app
        from facegate.gateway.bridge import Bridge
        from facegate.gateway.reloading import fit_for, reload_on_hangup
        from facegate.gateway.sandbox import Instruction, Sandbox
        from facegate.gateway.server import listen, run, url_of
    loaded, registry = Config.load(config), Registry()
    settings = ServeSettings.of(loaded, **_changes(loaded, options, sandbox=sandbox))
    apis = settings.apis(registry, loaded.intake.limits)
    arguments = setup(loaded, registry, settings.provider)
    route = arguments.route
    findings = [line for each in apis for line in Bridge(each).findings(route)]
    box = None
    if settings.sandbox:
        box = Sandbox(settings.sandbox.keys, settings.sandbox.rate)
        try:
            box.check(apis)
        except Instruction as error:
            raise ConfigurationError(f"serve.sandbox.keys: {error}") from None
        findings.append("the sandbox is on: callers can force any outcome")
    if arguments.load is not None:
        arguments = replace(arguments, load=fit_for(apis, arguments.load))

    def opened() -> AsyncFaceVerifier:
        verifier = arguments.awaited()
        reload_on_hangup(verifier)
        return verifier

    leaving = threading.Event()
    app: Any = create_app(
        apis,
        opened,
        settings,
        box,
        settings.public_url,
        cors_origins=settings.cors_origins,
        leaving=leaving,
    )
    if loaded.document.telemetry:
        app = served(app, loaded.document.telemetry, loaded.source)
    findings += _of_providers(route, warm=settings.warm)
    keys = settings.keys()
    listener = listen(settings.host, settings.port, loopback_only=not keys)
    if not keys:
        findings.append("there is no key: whoever is on this machine may ask")
    for line in _greeting(url_of(listener), apis, route, findings):
        click.echo(line)
    run(app, listener, settings, leaving)


def _of_providers(route: Route, *, warm: bool) -> Iterator[str]:
    """What an operator should know of those who answer, once they are as ready as they can be."""
    for provider in route.providers:
        unable = provider.unable()
        yield from (
            f"{provider.name}: {operation} cannot be answered: {reason}"
            for operation, reason in unable.items()
        )
        try:
            if warm:
                provider.warm()
        except FacegateError as error:
            if not unable:
                yield f"{provider.name}: {error.message}"
        yield from (f"{provider.name}: {finding}" for finding in provider.findings())


def _changes(loaded: Config, options: dict[str, Any], *, sandbox: bool) -> dict[str, Any]:
    """Settings that the command line gives, in place of the configuration's."""
    written = ServeSettings.of(loaded)
    changes = {name: value for name, value in options.items() if value not in (None, ())}
    if {"api_keys", "api_key_file"} & set(changes):
        changes = {"api_keys": (), "api_key_file": None, **changes}
    if "compat" in changes:
        changes["compat"] = {name: written.compat.get(name, {}) for name in changes["compat"]}
    if sandbox:
        changes["sandbox"] = written.sandbox or SandboxSettings()
    return changes


def _greeting(
    url: str, apis: Sequence[CompatibleApi], route: Route, findings: Sequence[str]
) -> Iterator[str]:
    way = f"route {route.name}: " if route.name else ""
    who = " and ".join(f"{each.name} ({each.info.plugin})" for each in route.providers)
    answers = "answers" if len(route.providers) == 1 else "answer"
    yield f"facegate serves {url}; {way}{who} {answers}"
    for api in apis:
        places = f"{url}/{api.plugin}" + (f" and {url}" if len(apis) == 1 else "")
        yield f"  the {api.plugin} API at {places}:"
        for path, methods in api.routes.items():
            yield f"    {' '.join(sorted(methods))} {path}"
    yield from (f"  note: {finding}" for finding in findings)
    yield f"  try: curl {url}/healthz"
