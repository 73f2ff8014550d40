"""The command ``facegate serve``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from facegate.cli.options import config_option
from facegate.config import Config
from facegate.gateway.native.settings import ApiSettings
from facegate.gateway.settings import SandboxSettings, ServeSettings
from facegate.runtime.extras import extra
from facegate.telemetry.processes import SharedMetrics

if TYPE_CHECKING:
    from facegate.gateway.service import Service


@click.command()
@click.option("--api", is_flag=True, help="Serve facegate's own API at /v1.")
@click.option("--console", is_flag=True, help="Serve the console at /console; implies --api.")
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
@click.option("--workers", type=int, help="Processes that serve on the port; 1 by default.")
@click.option("--sandbox", is_flag=True, help="Let callers force outcomes; for test systems alone.")
def serve(config: str | None, *, api: bool, console: bool, sandbox: bool, **options: Any) -> None:
    """Serve facegate's own API, and vendors' APIs answered by the configured route or provider.

    Keys for --api and --console are made by `facegate keys create`. Each --compat API is at
    /NAME/..., and with exactly one, at its own paths too. Without any key, only this machine is
    served. Everything may be set in [serve] of the configuration as well.

    Several --workers share the port and the journal; breakers, and the bounds that [serve] sets,
    are each worker's own. One that dies is started again.

    On SIGHUP, routes and providers are read from the configuration anew; requests in work are
    finished first. A file that cannot be used is logged and changes nothing. A change of [serve]
    needs a restart.
    """
    with extra("gateway", "starlette", "uvicorn", needed_by="serving"):
        from facegate.gateway.native.door import is_loopback
        from facegate.gateway.server import listen, run, url_of
        from facegate.gateway.service import Service, is_keyed
        from facegate.gateway.workers import become_worker
    loaded = Config.load(config)
    own = {"api": api or console, "console": console, "sandbox": sandbox}
    settings = ServeSettings.of(loaded, **_changes(loaded, options, **own))
    keyed, worker = is_keyed(loaded, settings), None
    with listen(settings.host, settings.port, loopback_only=not keyed) as listener:
        local, url = is_loopback(listener.getsockname()[0]), url_of(listener)
        if settings.workers > 1:
            worker = become_worker(settings.workers, listener, settings, _metrics(loaded))
            loaded = Config.load(config)  # it may be another by now
        service = Service.of(loaded, settings, local=local, worker=worker)
        if worker is None or worker.first:
            for line in _greeting(url, service, keyed=keyed):
                click.echo(line)
        run(service.app, listener, settings, service.leaving, worker)


def _metrics(loaded: Config) -> SharedMetrics | None:
    """What workers count together, if anything is counted."""
    return SharedMetrics() if (loaded.document.telemetry or {}).get("prometheus") else None


def _changes(
    loaded: Config, options: dict[str, Any], *, api: bool, console: bool, sandbox: bool
) -> dict[str, Any]:
    """Settings that the command line gives, in place of the configuration's."""
    written = ServeSettings.of(loaded)
    changes = {name: value for name, value in options.items() if value not in (None, ())}
    if {"api_keys", "api_key_file"} & set(changes):
        changes = {"api_keys": (), "api_key_file": None, **changes}
    if "compat" in changes:
        changes["compat"] = {name: written.compat.get(name, {}) for name in changes["compat"]}
    if api:
        changes["api"] = (written.api or ApiSettings()).model_copy(
            update={"console": console or (written.api is not None and written.api.console)}
        )
    if sandbox:
        changes["sandbox"] = written.sandbox or SandboxSettings()
    return changes


def _greeting(url: str, service: Service, *, keyed: bool) -> Iterator[str]:
    route, apis, native = service.route, service.apis, service.native
    way = f"route {route.name}: " if route.name else ""
    who = " and ".join(f"{each.name} ({each.info.plugin})" for each in route.providers)
    answers = "answers" if len(route.providers) == 1 else "answer"
    yield f"facegate serves {url}; {way}{who} {answers}"
    if native is not None:
        yield f"  facegate's own API at {url}/v1, described at {url}/docs"
        if native.sessions is not None:
            yield f"  the console at {url}/console"
    for api in apis:
        places = f"{url}/{api.plugin}" + (f" and {url}" if len(apis) == 1 else "")
        yield f"  the {api.plugin} API at {places}:"
        for path, methods in api.routes.items():
            yield f"    {' '.join(sorted(methods))} {path}"
    yield from (f"  note: {finding}" for finding in service.findings)
    if not keyed:
        yield "  note: there is no key: whoever is on this machine may ask"
    yield f"  try: curl {url}/healthz"
