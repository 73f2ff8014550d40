"""Recorded exchanges, played back: tests of a provider that need no account and no network.

A cassette is a file of vcrpy's with a header. The header says where the exchanges come from, what
was asked and what has to come of it, so playing one is a whole test::

    @pytest.mark.parametrize("path", cassettes_in("cassettes"), ids=lambda path: path.stem)
    def test_the_provider_reads_it(path):
        play_cassette(path)

In a test of your own, ``with cassette(path): ...`` takes the place of the network.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import vcr
import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from vcr.cassette import Cassette

from facegate.errors import FacegateError
from facegate.model import Operation, VerificationResult
from facegate.providers.provider import Provider
from facegate.providers.registry import Registry
from facegate.question import Question
from facegate.testing.cases import differences
from facegate.testing.scrubbing import Scrubber, digest
from facegate.testing.taping import taped
from facegate.verifier import AsyncFaceVerifier, FaceVerifier

PathLike = str | os.PathLike[str]

CREDENTIAL = "credential-of-the-cassettes"
"""Credential of every provider that a cassette is played to; recordings hold none."""

_MATCHED = ("method", "scheme", "host", "port", "path", "query", "body")
_OF_THE_EXCHANGES = {"interactions", "version"}


class RecordedQuestion(BaseModel):
    """The question of a cassette.

    Attributes:
        operation: which of the three.
        probe: name of a picture; one that was recorded is named by its digest, ``sha256:...``.
        gallery: names of the claimed person's pictures, in the same way.
        threshold: as in :class:`facegate.Question`, like the rest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    operation: Operation
    probe: str
    gallery: tuple[str, ...] = ()
    threshold: float | str | None = None
    liveness_threshold: float | str | None = None
    options: dict[str, dict[str, Any]] | None = None


class Scenario(BaseModel):
    """The header of a cassette.

    Attributes:
        source: ``documentation`` for an example that the vendor published, ``compat`` for
            facegate's own compatible API, ``vendor`` for the vendor itself.
        origin: the page; or who answered, and when.
        plugin: name of the plugin whose provider is asked.
        headers: names of the request headers that tell one operation from another; no credential.
        settings: the provider's, secrets left out.
        question: the question to ask.
        expected: the outcome: fields of the result, or of the error with its class as ``error``.
            A field that is not named may be anything.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["documentation", "compat", "vendor"]
    origin: str
    plugin: str
    headers: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    question: RecordedQuestion
    expected: dict[str, Any] = Field(default_factory=dict)

    @classmethod
    def load(cls, path: PathLike) -> Self:
        """Read a cassette's header.

        Raises:
            pydantic.ValidationError: naming the field and the file.
        """
        content = read(path)
        header = {name: content[name] for name in content if name not in _OF_THE_EXCHANGES}
        try:
            return cls.model_validate(header)
        except ValidationError as error:
            error.add_note(f"in the header of {os.fspath(path)}")
            raise

    def provider(self, provider_type: type[Provider] | None = None) -> Provider:
        """The provider that is asked, with a made-up credential."""
        kind = provider_type or Registry().provider_type(self.plugin)
        credentials = {
            name: CREDENTIAL
            for name, field in kind.settings_type.model_fields.items()
            if field.annotation is SecretStr
        }
        return kind(kind.settings_type.model_validate({**credentials, **self.settings}))

    def to_question(self) -> Question:
        """The question to ask; stand-ins take the place of the pictures."""
        fields = self.question.model_dump(exclude={"probe", "gallery"}, exclude_defaults=True)
        gallery = [stand_in(name) for name in self.question.gallery]
        return Question(probe=stand_in(self.question.probe), gallery=gallery, **fields)

    def scrubber(self) -> Scrubber:
        """A scrubber that makes of a request with stand-ins the one recorded with the pictures."""
        names = {self.question.probe, *self.question.gallery}
        recorded = {digest(stand_in(name)): name for name in names if name.startswith("sha256:")}
        return Scrubber([CREDENTIAL], recorded, self.headers)

    def check(self, outcome: Mapping[str, Any]) -> None:
        """Hold an outcome against the expected one.

        Raises:
            AssertionError: naming the fields that differ.
        """
        if wrong := differences(self.expected, outcome):
            raise AssertionError("; ".join(wrong))


def read(path: PathLike) -> dict[str, Any]:
    """A cassette as data."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, several times as fast
    content: dict[str, Any] = yaml.load(Path(path).read_text(encoding="utf-8"), loader)  # noqa: S506
    return content


def cassettes_in(folder: str | os.PathLike[str]) -> list[Path]:
    """Every cassette in the folders of a folder."""
    return sorted(Path(folder).glob("*/*.yaml"))


@contextlib.contextmanager
def cassette(path: str | os.PathLike[str], scrubber: Scrubber | None = None) -> Iterator[None]:
    """Answer every HTTP request from a cassette; nothing reaches the network.

    Args:
        path: of the cassette.
        scrubber: knows the credentials in your URLs or bodies, where some are there.

    Raises:
        AssertionError: at the end, if a request was made that was not recorded, or a recorded one
            was not made. Requests are the same if they go to the same place and say the same;
            pictures are compared by digest, and headers only where the cassette names them.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no cassette at {os.fspath(path)}")
    known = scrubber or Scrubber(headers=read(path).get("headers", ()))
    with opened(_Strict, path, known, record_mode=vcr.mode.NONE) as tape:
        try:
            yield
        finally:
            if tape.refused:
                raise AssertionError("not recorded: " + "; ".join(tape.refused))
    unused = [
        f"{request.method} {request.uri}"
        for index, request in enumerate(tape.requests)
        if not tape.play_counts[index]
    ]
    if unused:
        raise AssertionError("recorded, but never requested: " + ", ".join(unused))


@contextlib.contextmanager
def opened(
    kind: type[Cassette], path: PathLike, scrubber: Scrubber, **options: Any
) -> Iterator[Any]:
    """The one configuration of vcrpy, for playing and for recording.

    It takes over the HTTP clients that vcrpy knows, and facegate's own exchanges.
    """

    def headers(sent: Any, recorded: Any) -> None:
        for name in sorted(scrubber.headers):
            one, other = sent.headers.get(name), recorded.headers.get(name)
            assert one == other, f"{name} is {one!r}, and was {other!r}"  # noqa: S101

    recorder = vcr.VCR()
    recorder.register_matcher("headers", headers)
    config = recorder.get_merged_config(
        path=os.fspath(path),
        match_on=(*_MATCHED, "headers"),
        before_record_request=scrubber.request,
        **options,
    )
    log = logging.getLogger("vcr")
    level = log.level
    log.setLevel(logging.CRITICAL)  # it tells of requests and replies before they are scrubbed
    try:
        with kind.use(**config) as tape, taped(tape):
            yield tape
    finally:
        log.setLevel(level)


def play_cassette(
    path: str | os.PathLike[str], provider_type: type[Provider] | None = None
) -> dict[str, Any]:
    """Ask a cassette's question, with its exchanges for a vendor.

    Args:
        path: of the cassette.
        provider_type: the provider's class, where its plugin is not installed.

    Returns:
        the outcome, in the words of :attr:`Scenario.expected`.

    Raises:
        AssertionError: the outcome is not the expected one, or the exchanges are not those of the
            cassette; see :func:`cassette`.
    """
    scenario = Scenario.load(path)
    with cassette(path, scenario.scrubber()):
        outcome = outcome_of(scenario, provider_type)
    scenario.check(outcome)
    return outcome


def outcome_of(scenario: Scenario, provider_type: type[Provider] | None = None) -> dict[str, Any]:
    """The outcome of a scenario's question, with whatever stands in for the network."""
    with FaceVerifier(scenario.provider(provider_type)) as verifier:
        try:
            return as_data(verifier.ask(scenario.to_question()))
        except FacegateError as error:
            return as_data(error)


async def play_cassette_async(
    path: str | os.PathLike[str], provider_type: type[Provider] | None = None
) -> dict[str, Any]:
    """:func:`play_cassette`, through the async verifier."""
    scenario = Scenario.load(path)
    with cassette(path, scenario.scrubber()):
        async with AsyncFaceVerifier(scenario.provider(provider_type)) as verifier:
            try:
                outcome = as_data(await verifier.ask(scenario.to_question()))
            except FacegateError as error:
                outcome = as_data(error)
    scenario.check(outcome)
    return outcome


def as_data(outcome: VerificationResult | FacegateError) -> dict[str, Any]:
    """An outcome as data, without what differs from one time to the next."""
    if isinstance(outcome, FacegateError):
        fields = {"error": outcome.code, **outcome.as_dict()}
        left_out = {"code", "message", "provider", "attempts", "request_id"}
    else:
        fields = outcome.model_dump(mode="json", exclude_defaults=True)
        left_out = {"provider", "plugin", "lineage", "operation", "attempts", "elapsed", "accepted"}
        left_out |= {"request_id", "route", "arm"}
    return {name: value for name, value in fields.items() if name not in left_out}


_FRAME = bytes.fromhex("ffc0000b080280 01e001011100 ffda0008010100003f00 00ffd9")


def stand_in(name: str) -> bytes:
    """A picture to ask with, another one for each name: a JPEG's header with nobody behind it.

    Its bytes are written out, so that its digest is the same with every version of everything.
    """
    table = b"\3" + hashlib.sha256(name.encode()).digest() * 2  # nothing uses it
    return b"\xff\xd8\xff\xdb" + (len(table) + 2).to_bytes(2, "big") + table + _FRAME


class _Strict(Cassette):  # type: ignore[misc]
    """Cassette that lets nothing through, and remembers what it refused if the error is lost."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.refused: list[str] = []

    def can_play_response_for(self, request: Any) -> bool:
        if super().can_play_response_for(request):
            return True
        scrubbed = self.filter_request(request)
        refusal = f"{scrubbed.method} {scrubbed.uri}"
        for _, _, unlike in self.find_requests_with_most_matches(request)[:1]:
            refusal += "".join(f"\n{part}: {difference}" for part, difference in unlike)
        self.refused.append(refusal)
        raise AssertionError("a request that was not recorded")
