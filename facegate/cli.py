"""The ``facegate`` command line.

Exit codes: 0 accepted, 1 rejected, 2 bad input or usage, 3 review, 4 the provider failed,
5 configuration, 130 interrupted, 141 nobody reads the output. Whatever else happens, 0 and 1 are
answers.
"""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import click
from click.shell_completion import get_completion_class

from facegate import terminal
from facegate.config import Config
from facegate.errors import ConfigurationError, FacegateError, ProviderError
from facegate.gateway.command import serve, wrong_with
from facegate.globs import expanded
from facegate.model import Decision, VerificationResult
from facegate.provider import Provider
from facegate.registry import Registry
from facegate.verifier import FaceVerifier

ACCEPTED, REJECTED, BAD_INPUT, REVIEW, PROVIDER_FAILED, MISCONFIGURED = range(6)
INTERRUPTED = 130
READER_LEFT = 141

_EXITS = {Decision.ACCEPT: ACCEPTED, Decision.REVIEW: REVIEW, Decision.REJECT: REJECTED}


class _Root(click.Group):
    """The built-in commands, and those that plugins add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *self._added(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self._added(ctx).get(cmd_name)

    def _added(self, ctx: click.Context) -> dict[str, click.Command]:
        if "facegate.added" in ctx.meta:  # asked for more than once, by help and by completion
            found: dict[str, click.Command] = ctx.meta["facegate.added"]
            return found
        registry = Registry()
        added: dict[str, click.Command] = ctx.meta.setdefault("facegate.added", {})
        for plugin in registry.names():
            try:
                added |= {command.name or plugin: command for command in registry.commands(plugin)}
            except ConfigurationError as error:
                terminal.console(stderr=True).print(terminal.failure(error))
        return added


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and exit; whatever facegate raises becomes a message and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a name or a bar that the terminal cannot show
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("facegate").setLevel(logging.INFO)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        outcome = _run(arguments)
        sys.stdout.flush()
        sys.exit(outcome)
    except FacegateError as error:
        if "--json" in arguments:
            _print_json({"error": error.as_dict()})
        else:
            terminal.console(stderr=True).print(terminal.failure(error))
        sys.exit(_exit_code(error))
    except click.ClickException as error:
        if "--json" in arguments:
            _print_json(
                {"error": {"code": type(error).__name__, "message": error.format_message()}}
            )
        else:
            error.show()
        sys.exit(BAD_INPUT)
    except BrokenPipeError:
        # Whoever read left. What is still buffered must not raise once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(READER_LEFT)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
    except Exception:  # noqa: BLE001  Python would exit with 1, which means rejected here
        traceback.print_exc()
        sys.exit(PROVIDER_FAILED)


def _run(arguments: Sequence[str]) -> int:
    """What click's own ``main`` does, except that it exits with 1 when nobody reads the output."""
    if "_FACEGATE_COMPLETE" in os.environ:
        root.main(prog_name="facegate")
    try:
        with root.make_context("facegate", [*arguments]) as context:
            outcome = root.invoke(context)
    except click.exceptions.Exit as done:
        outcome = done.exit_code
    return outcome if isinstance(outcome, int) else ACCEPTED


def _exit_code(error: FacegateError) -> int:
    if isinstance(error, ConfigurationError):
        return MISCONFIGURED
    return PROVIDER_FAILED if isinstance(error, ProviderError) else BAD_INPUT


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facegate")
def root() -> None:
    """Is the selfie the person on the document, and is it a living person?

    Without a configuration the embedded engine answers. Exit codes: 0 accepted, 1 rejected,
    2 bad input, 3 review, 4 the provider failed, 5 configuration.
    """


root.add_command(serve)
Command = Callable[..., Any]

_config = click.option(
    "--config", "-c", type=click.Path(dir_okay=False), help="Configuration file (TOML)."
)
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def _asking(command: Command) -> Command:
    """The options that all three questions share."""
    for option in (
        _json,
        click.option(
            "--option",
            "-o",
            "options",
            multiple=True,
            metavar="KEY=VALUE",
            help="A per-request option of the provider; repeatable.",
        ),
        click.option("--provider", "-p", metavar="NAME", help="Ask this provider."),
        _config,
    ):
        command = option(command)
    return command


_threshold = click.option("--threshold", "-t", help="A score, or a false match rate: fmr:1e-4.")
_liveness_threshold = click.option("--liveness-threshold", help="A liveness score.")
_probe = click.argument("probe", type=click.Path())
_gallery = click.argument("gallery", nargs=-1, required=True, type=click.Path())


@root.command()
@_probe
@_gallery
@_threshold
@_asking
def compare(probe: str, gallery: tuple[str, ...], threshold: str | None, **asking: Any) -> int:
    """Compare PROBE with one or more GALLERY pictures, folders or globs of one person."""
    pictures = expanded(gallery)
    return _answer(
        lambda verifier, options: verifier.compare(
            probe, pictures, threshold=threshold, options=options
        ),
        pictures,
        **asking,
    )


@root.command("compare-live")
@_probe
@_gallery
@_threshold
@_liveness_threshold
@_asking
def compare_live(
    probe: str,
    gallery: tuple[str, ...],
    threshold: str | None,
    liveness_threshold: str | None,
    **asking: Any,
) -> int:
    """Compare, and check that a living person is on PROBE."""
    pictures = expanded(gallery)
    return _answer(
        lambda verifier, options: verifier.compare_live(
            probe,
            pictures,
            threshold=threshold,
            liveness_threshold=liveness_threshold,
            options=options,
        ),
        pictures,
        **asking,
    )


@root.command()
@_probe
@_threshold
@_asking
def liveness(probe: str, threshold: str | None, **asking: Any) -> int:
    """Check that a living person is on PROBE."""
    return _answer(
        lambda verifier, options: verifier.liveness(probe, threshold=threshold, options=options),
        (),
        **asking,
    )


@root.command()
@click.argument("name", required=False)
@_config
@_json
def providers(name: str | None, config: str | None, *, as_json: bool) -> None:
    """List the providers, or show all about the one called NAME.

    Without a configuration these are the installed plugins.
    """
    registry, loaded = Registry(), Config.load(config)
    if name:
        provider = loaded.provider(registry, name)
        if as_json:
            _print_json(_described(provider))
        else:
            terminal.console().print(terminal.provider_page(provider))
        return
    found = _built(loaded, registry, list(loaded.providers) or registry.names())
    if as_json:
        _print_json({key: _described(value) for key, value in found.items()})
    else:
        terminal.console().print(terminal.provider_table(found))


@root.command()
@_config
@_json
def check(config: str | None, *, as_json: bool) -> int:
    """Check the configuration: every provider, and variables that nobody read."""
    registry, loaded = Registry(), Config.load(config)
    # With nothing configured, only the plugin that would answer has to work.
    names = list(loaded.providers) or [loaded.default(registry)]
    found = _built(loaded, registry, names)
    errors = {name: e.message for name, e in found.items() if isinstance(e, FacegateError)}
    try:
        default = loaded.default(registry)
    except ConfigurationError as error:
        default = "none"
        errors["default"] = error.message
    errors |= wrong_with(loaded, registry)
    built = {name: p for name, p in found.items() if isinstance(p, Provider)}
    own = set().union(*(p.info.environment for p in built.values()))
    warnings = [f"{name}: {finding}" for name, p in built.items() for finding in p.findings()]
    warnings += [f"{key} is set, but nothing reads it" for key in loaded.unread if key not in own]
    if as_json:
        report = {"source": loaded.source, "default": default, "providers": sorted(found)}
        _print_json({**report, "errors": errors, "warnings": warnings})
    else:
        out = terminal.console()
        out.print(f"{loaded.source}: {len(found)} provider(s), default {default}")
        for line in (*(f"{name}: {text}" for name, text in errors.items()), *warnings):
            out.print(f"- {line}")
        if not errors and not warnings:
            out.print("Nothing to complain about.")
    return MISCONFIGURED if errors else ACCEPTED


@root.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, for instance for `eval` in its start-up file."""
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(root, {}, "facegate", "_FACEGATE_COMPLETE").source())


def _answer(
    ask: Callable[[FaceVerifier, dict[str, dict[str, str]]], VerificationResult],
    gallery: Sequence[str],
    *,
    config: str | None,
    provider: str | None,
    options: tuple[str, ...],
    as_json: bool,
) -> int:
    loaded = Config.load(config)
    chosen = loaded.provider(Registry(), provider)
    with FaceVerifier(chosen, loaded.intake) as verifier:
        found = ask(verifier, {chosen.info.plugin: dict(map(_pair, options))})
    if as_json:
        click.echo(found.model_dump_json(indent=2))
    else:
        terminal.console().print(terminal.result(found, gallery))
    return _EXITS[found.decision]


def _pair(option: str) -> tuple[str, str]:
    key, separator, value = option.partition("=")
    if not separator:
        raise click.BadParameter(f"{option!r} is not KEY=VALUE", param_hint="--option")
    return key, value


def _built(
    loaded: Config, registry: Registry, names: Sequence[str]
) -> dict[str, Provider[Any] | FacegateError]:
    found: dict[str, Provider[Any] | FacegateError] = {}
    for name in names:
        try:
            found[name] = loaded.provider(registry, name)
        except ConfigurationError as error:
            found[name] = error
    return found


def _described(provider: Provider[Any] | FacegateError) -> dict[str, Any]:
    if isinstance(provider, FacegateError):
        return {"error": provider.as_dict()}
    info = provider.info
    return {
        "name": provider.name,
        "plugin": info.plugin,
        "capabilities": sorted(provider.capabilities),
        "lineage": info.lineage,
        "formats": sorted(info.formats),
        "handling": {
            "recipient": info.handling.recipient,
            "region": info.handling.region,
            "stores": info.handling.stores,
            "enrols": info.handling.enrols,
            "searches": info.handling.searches,
        },
        "settings": provider.settings.model_dump(mode="json"),
        "notes": list(info.notes),
    }


def _print_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2))
