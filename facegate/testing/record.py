"""Makes cassettes: of what a vendor answers, or around examples that a vendor published.

::

    python -m facegate.testing.record --provider main --probe selfie.jpg --gallery passport.jpg
    python -m facegate.testing.record --documented cassettes

The first sends the pictures to the provider, once for each question, after saying so. The second
sends nothing: it writes the requests of documented examples as the providers here make them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import sys
from collections.abc import Sequence
from pathlib import Path

from facegate.config import Config
from facegate.errors import FacegateError
from facegate.model import Billed, Operation
from facegate.providers.provider import Provider
from facegate.providers.registry import Registry
from facegate.testing.cassettes import Scenario, cassettes_in
from facegate.testing.recording import NotRecorded, dictate, record
from facegate.verifier import FaceVerifier


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; gives the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        if given.documented:
            for path in cassettes_in(given.documented):
                if Scenario.load(path).source == "documentation":
                    dictate(path)
                    _say(f"written: {path}")
            return 0
        if not given.probe:
            parser.error("give a --probe, or --documented")
        return _record_all(given)
    except (FacegateError, NotRecorded) as error:
        _say(f"not recorded: {error}")
        return 1


def _record_all(given: argparse.Namespace) -> int:
    provider = Config.load(given.config).provider(Registry(), given.provider)
    with FaceVerifier(provider) as verifier:
        operations = [
            each
            for each in Operation
            if each in verifier.capabilities
            and (given.gallery or each is Operation.LIVENESS)
            and each in (given.operation or Operation)
        ]
        if not operations or not (given.yes or _agreed(given, provider, operations)):
            _say("nothing sent")
            return 1
        for operation in operations:
            name = f"{given.name or given.source}_{operation}.yaml"
            path = Path(given.out) / provider.info.plugin / name
            outcome = record(
                verifier,
                operation,
                given.probe,
                () if operation is Operation.LIVENESS else given.gallery,
                path=path,
                origin=given.origin or f"{provider.info.handling.recipient}, recorded {_today()}",
                source=given.source,
            )
            _say(f"{path}: {outcome.get('decision') or outcome.get('error')}")
    _say("Read the files before you give them away.")
    return 0


def _agreed(given: argparse.Namespace, provider: Provider, operations: Sequence[Operation]) -> bool:
    """Say what will be sent, to whom and what it costs, and ask."""
    info = provider.info
    where = getattr(provider.settings, "base_url", "this machine")
    _say(f"This sends {', '.join([given.probe, *given.gallery])}")
    _say(f"to {info.handling.recipient} at {where},")
    _say(f"once for each of: {', '.join(operations)}.")
    if info.billed is not Billed.NO:
        _say("Every answer may be billed to your account.")
    _say("The person on the pictures must have agreed to that. Send them? [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m facegate.testing.record", description=(__doc__ or "").partition("\n")[0]
    )
    add = parser.add_argument
    add("--config", help="the TOML file; as everywhere else if absent")
    add("--provider", help="its name in the configuration; the default one if absent")
    add("--probe", help="the picture in question; sent, but not written")
    add("--gallery", nargs="+", default=[], help="pictures of the claimed person, likewise")
    add("--operation", action="append", choices=list(Operation), help="instead of all it offers")
    add("--source", choices=("vendor", "compat"), default="vendor", help="who really answers")
    add("--origin", help="who answered and when, for the header; recipient and date if absent")
    add("--name", help="start of the files' names; the source if absent")
    add("--out", default="cassettes", help="folder to write into")
    add("--yes", action="store_true", help="do not ask before sending")
    add("--documented", metavar="FOLDER", help="send nothing; write documented examples anew")
    return parser


def _today() -> str:
    return dt.datetime.now(dt.UTC).date().isoformat()


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
