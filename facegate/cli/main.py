"""The ``facegate`` command line.

Exit codes: 0 accepted, 1 rejected, 2 bad input or usage, 3 review, 4 the provider failed,
5 configuration, 130 interrupted, 141 nobody reads the output. Whatever else happens, 0 and 1 are
answers.
"""

from __future__ import annotations

import io
import logging
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

import click
from click.shell_completion import get_completion_class

from facegate.cli import terminal
from facegate.cli.gallery import expanded, source
from facegate.cli.options import (
    ACCEPTED,
    BAD_INPUT,
    INTERRUPTED,
    PROVIDER_FAILED,
    READER_LEFT,
    REJECTED,
    REVIEW,
    config_option,
    exit_code,
    json_option,
    print_json,
)
from facegate.config import Config
from facegate.errors import (
    ConfigurationError,
    FacegateError,
)
from facegate.model import Decision, Operation
from facegate.opening import setup
from facegate.providers.registry import Registry
from facegate.question import Question

_LATER = {
    "ab": "facegate.cli.trial",
    "batch": "facegate.cli.batch",
    "calibrate": "facegate.cli.calibrate",
    "check": "facegate.cli.check",
    "evaluate": "facegate.cli.evaluate",
    "journal": "facegate.cli.journal",
    "keys": "facegate.cli.keys",
    "new-plugin": "facegate.cli.new_plugin",
    "providers": "facegate.cli.check",
    "record": "facegate.cli.record",
    "routes": "facegate.cli.routes",
    "sentinel": "facegate.cli.sentinel",
    "serve": "facegate.cli.serve",
}
"""Commands of other modules, which are loaded when they are called for."""

_EXITS = {Decision.ACCEPT: ACCEPTED, Decision.REVIEW: REVIEW, Decision.REJECT: REJECTED}


class _Root(click.Group):
    """The built-in commands, and those that plugins add."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_LATER, *self._added(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LATER:
            module = import_module(_LATER[cmd_name])
            command: click.Command = getattr(module, cmd_name.replace("-", "_"))
            return command
        return super().get_command(ctx, cmd_name) or self._added(ctx).get(cmd_name)

    def _added(self, ctx: click.Context) -> dict[str, click.Command]:
        if "facegate.added" in ctx.meta:  # needed more than once, by help and by completion
            cached: dict[str, click.Command] = ctx.meta["facegate.added"]
            return cached
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
            print_json({"error": error.as_dict()})
        else:
            terminal.console(stderr=True).print(terminal.failure(error))
        sys.exit(exit_code(error))
    except click.ClickException as error:
        if "--json" in arguments:
            print_json({"error": {"code": type(error).__name__, "message": error.format_message()}})
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
    """Run a command as click's own ``main`` does, which exits with 1 when the reader has left."""
    if "_FACEGATE_COMPLETE" in os.environ:
        root.main(prog_name="facegate")
    try:
        with root.make_context("facegate", [*arguments]) as context:
            outcome = root.invoke(context)
    except click.exceptions.Exit as done:
        outcome = done.exit_code
    return outcome if isinstance(outcome, int) else ACCEPTED


@click.group(cls=_Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="facegate")
def root() -> None:
    """Is the selfie the person on the document, and is it a living person?

    Without a configuration the embedded engine answers. Exit codes: 0 accepted, 1 rejected,
    2 bad input, 3 review, 4 the provider failed, 5 configuration.
    """


Command = Callable[..., Any]


def _asking(command: Command) -> Command:
    """The options that all three questions share."""
    for option in (
        json_option,
        click.option("--subject", metavar="ID", help="Your own name for the person in question."),
        click.option(
            "--option",
            "-o",
            "options",
            multiple=True,
            metavar="[PLUGIN:]KEY=VALUE",
            help="A per-request option of the provider; repeatable.",
        ),
        click.option("--provider", "-p", metavar="NAME", help="Ask this provider."),
        click.option("--route", "-r", metavar="NAME", help="Take this route."),
        config_option,
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
def compare(probe: str, gallery: tuple[str, ...], threshold: str | None, **shared: Any) -> int:
    """Compare PROBE with one or more GALLERY pictures, folders or globs of one person.

    A picture called - comes through standard input.
    """
    return _answer(Operation.COMPARE, probe, expanded(gallery), threshold=threshold, **shared)


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
    **shared: Any,
) -> int:
    """Compare, and check that a living person is on PROBE."""
    return _answer(
        Operation.COMPARE_LIVE,
        probe,
        expanded(gallery),
        threshold=threshold,
        liveness_threshold=liveness_threshold,
        **shared,
    )


@root.command()
@_probe
@_liveness_threshold
@_asking
def liveness(probe: str, liveness_threshold: str | None, **shared: Any) -> int:
    """Check that a living person is on PROBE."""
    return _answer(Operation.LIVENESS, probe, liveness_threshold=liveness_threshold, **shared)


@root.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell, for instance for `eval` in its start-up file."""
    kind = get_completion_class(shell)
    if kind is not None:
        click.echo(kind(root, {}, "facegate", "_FACEGATE_COMPLETE").source())


def _answer(
    operation: Operation,
    probe: str,
    gallery: Sequence[str] = (),
    *,
    threshold: str | None = None,
    liveness_threshold: str | None = None,
    config: str | None,
    route: str | None,
    provider: str | None,
    options: tuple[str, ...],
    subject: str | None,
    as_json: bool,
) -> int:
    if route and provider:
        raise click.UsageError("give --route or --provider, not both")
    loaded = Config.load(config)
    if route:
        loaded.refuse_unknown_route(route)
    with setup(loaded, Registry(), route or provider).blocking() as verifier:
        plugins = {each.info.plugin: None for each in verifier.route.providers}
        question = Question(
            operation=operation,
            probe=source(probe),
            gallery=[source(each) for each in gallery],
            threshold=threshold,
            liveness_threshold=liveness_threshold,
            options=_by_plugin(options, list(plugins)),
            subject=subject,
        )
        try:
            result = verifier.ask(question)
        except FacegateError as error:
            if (place := re.fullmatch(r"gallery\[(\d+)\]", error.image or "")) is not None:
                click.echo(f"{error.image} is {gallery[int(place[1])]}", err=True)
            raise
    if as_json:
        click.echo(result.model_dump_json(indent=2))
    else:
        terminal.console().print(terminal.result(result, gallery))
    return _EXITS[result.decision]


def _by_plugin(options: Sequence[str], plugins: Sequence[str]) -> dict[str, dict[str, str]]:
    """Values by plugin and key; an option without a plugin is the only plugin's."""
    values: dict[str, dict[str, str]] = {}
    for option in options:
        key, separator, value = option.partition("=")
        plugin, colon, name = key.rpartition(":")
        if not separator:
            raise click.BadParameter(f"{option!r} is not KEY=VALUE", param_hint="--option")
        if not colon and len(plugins) > 1:
            raise click.BadParameter(
                f"{option!r} could be meant for {' or '.join(plugins)}; write"
                f" {plugins[0]}:{option}",
                param_hint="--option",
            )
        values.setdefault(plugin if colon else plugins[0], {})[name] = value
    return values
