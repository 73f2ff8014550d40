"""Recording of exchanges, real or published, as cassettes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import vcr
import yaml
from pydantic import SecretStr
from vcr.cassette import Cassette
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.serialize import serialize
from vcr.serializers.compat import convert_to_bytes

from facegate.errors import FacegateError
from facegate.images.image import Image, ImageSource
from facegate.images.metadata import REMOVABLE, without_metadata
from facegate.model import Operation
from facegate.providers.http import HttpSettings
from facegate.providers.provider import Provider
from facegate.providers.settings import ProviderSettings
from facegate.question import Question
from facegate.testing.cassettes import (
    PathLike,
    Scenario,
    as_data,
    cassettes_in,
    opened,
    outcome_of,
    play_cassette,
    read,
)
from facegate.testing.scrubbing import Scrubber
from facegate.verifier import FaceVerifier

_MEANING = ("decision", "match", "liveness", "error", "reason")
_DECIDING = {*ProviderSettings.model_fields, "base_url", "allow_http"}
_TRANSPORT = set(HttpSettings.model_fields) - _DECIDING


class NotRecorded(Exception):
    """No cassette was written; the message says why."""


def credentials(settings: ProviderSettings) -> list[str]:
    """The values of a provider's secret settings."""
    return [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]


@contextlib.contextmanager
def recording(secrets: Sequence[str] = (), headers: Sequence[str] = ()) -> Iterator[Any]:
    """Let HTTP requests through and keep the exchanges in memory, scrubbed.

    Args:
        secrets: credentials that may turn up in a URL or a body; those in headers are known.
        headers: names of request headers to keep, as they tell one operation from another.
    """
    scrubber = Scrubber(secrets, headers=headers)
    options = {"persister": _Nowhere, "before_record_response": scrubber.response}
    with opened(Cassette, "recording", scrubber, record_mode=vcr.mode.ALL, **options) as tape:
        yield tape


def record(
    verifier: FaceVerifier,
    operation: Operation,
    probe: ImageSource,
    gallery: Sequence[ImageSource] = (),
    *,
    path: PathLike,
    origin: str,
    source: str = "vendor",
    headers: Sequence[str] = (),
    **arguments: Any,
) -> dict[str, Any]:
    """Ask one question for real and write the cassette, whole or not at all.

    Args:
        verifier: asks the vendor.
        operation: the question, one of the three.
        probe: the picture in question; only its digest is written.
        gallery: the claimed person's pictures, none for liveness; only their digests are written.
        path: of the cassette; one that is there is replaced.
        origin: where the answer is from, for the header.
        source: ``vendor``, or ``compat`` where a compatible API answers.
        headers: names of request headers to keep, as they tell one operation from another.
        **arguments: thresholds and options, as :class:`facegate.Question` takes them.

    Returns:
        the outcome, in the words of :attr:`~facegate.testing.cassettes.Scenario.expected`.

    Raises:
        NotRecorded: nothing answered, or the answer means something else once it is scrubbed.
    """
    provider = verifier.provider
    given = [Image.of(picture) for picture in (probe, *gallery)]
    # Named as they are sent: played back, a picture without metadata takes the place of each.
    pictures = [without_metadata(each) if each.format in REMOVABLE else each for each in given]
    names = [f"sha256:{picture.digest}" for picture in pictures]
    question = Question(operation=operation, probe=pictures[0], gallery=pictures[1:], **arguments)
    with recording(credentials(provider.settings), headers) as tape:
        try:
            outcome = as_data(verifier.ask(question))
        except FacegateError as error:
            outcome = as_data(error)
    if not len(tape):
        raise NotRecorded(f"nothing answered: {outcome.get('error')}")
    scenario = Scenario.model_validate(
        {
            "source": source,
            "origin": origin,
            "plugin": provider.info.plugin,
            "headers": tuple(headers),
            "settings": _settings(provider.settings),
            "question": {
                "operation": operation,
                "probe": names[0],
                "gallery": names[1:],
                **arguments,
            },
        }
    )
    with _draft(path) as draft:
        _write(draft, scenario, tape)
        played = _played(draft, type(provider))
        if any(played.get(name) != outcome.get(name) for name in _MEANING):
            raise NotRecorded("the answer means something else once it is scrubbed")
        played.pop("retry_after", None)  # from a date it is another one each time
        _write(draft, scenario.model_copy(update={"expected": played}), tape)
    return played


def documented(folder: PathLike) -> list[Path]:
    """The cassettes below a folder that are a vendor's published examples."""
    return [path for path in cassettes_in(folder) if Scenario.load(path).source == "documentation"]


def dictate(path: PathLike, provider_type: type[Provider] | None = None) -> None:
    """Write the requests of a documented example, as its provider makes them.

    The header and the replies of the file stay as they are; in a new one, requests may be missing.

    Raises:
        NotRecorded: the example is not read as its header expects; the file stays as it was.
    """
    content = read(path)
    scenario = Scenario.load(path)
    with opened(_Dictated, path, scenario.scrubber(), persister=_Nowhere) as tape:
        tape.replies = [convert_to_bytes(each["response"]) for each in content["interactions"]]
        outcome_of(scenario, provider_type)
    if len(tape) < len(tape.replies):
        raise NotRecorded(f"{path} has more replies than its question asks for")
    with _draft(path) as draft:
        _write(draft, scenario, tape)
        _played(draft, provider_type)


class _Nowhere:
    """Stand-in for the files of vcrpy, which would be written even when something went wrong."""

    @staticmethod
    def load_cassette(*_: Any, **__: Any) -> Any:
        raise CassetteNotFoundError

    @staticmethod
    def save_cassette(*_: Any, **__: Any) -> None:
        """Keep nothing."""


class _Dictated(Cassette):  # type: ignore[misc]
    """Cassette that answers with the next of its replies, and keeps the requests."""

    replies: Sequence[dict[str, Any]] = ()

    def can_play_response_for(self, _: Any) -> bool:
        return True

    def play_response(self, request: Any) -> Any:
        reply = self.replies[len(self)]
        self.append(request, reply)
        return reply


@contextlib.contextmanager
def _draft(path: PathLike) -> Iterator[Path]:
    """A file that takes the place of ``path`` once it is complete, and goes if it never is."""
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    draft = final.with_name(f".{final.name}.part")
    try:
        yield draft
        os.replace(draft, final)  # noqa: PTH105
    finally:
        draft.unlink(missing_ok=True)


def _write(path: Path, scenario: Scenario, tape: Any) -> None:
    header = scenario.model_dump(mode="json", exclude_defaults=True)
    exchanges = serialize({"requests": tape.requests, "responses": tape.responses}, _AsData)
    text = yaml.dump(
        {**header, **exchanges}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6
    )
    path.write_text(f"# {_REMARKS[scenario.source]}\n{text}", encoding="utf-8")


_REMARKS = {
    "documentation": "The reply is what the vendor published, as far as origin says. The request is"
    " as facegate makes it, with stand-ins for the pictures.",
    "compat": "facegate's own compatible API answered, not the vendor.",
    "vendor": "The vendor answered; pictures are named by digest, credentials are left out.",
}


class _AsData:
    @staticmethod
    def serialize(content: dict[str, Any]) -> dict[str, Any]:
        return content


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """YAML dumper that writes texts of several lines as such."""

    def represent_str(self, text: str) -> yaml.Node:
        style = "|" if "\n" in text else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_str)


def _played(path: Path, provider_type: type[Provider] | None) -> dict[str, Any]:
    try:
        return play_cassette(path, provider_type)
    except AssertionError as error:
        raise NotRecorded(f"it cannot be played: {error}") from None


def _settings(settings: ProviderSettings) -> dict[str, Any]:
    """Settings that decide what is sent and how it is read; no secrets, no limits of transport."""
    secret = {name for name, value in settings if isinstance(value, SecretStr)}
    return settings.model_dump(mode="json", exclude_defaults=True, exclude=secret | _TRANSPORT)
