"""Rows of the contract's data: a vendor's documentation, as a plugin's author writes it down."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from facegate import CaptureReason, FacegateError, Image, Operation
from facegate.question import Question

Encoding = Literal["json", "form", "multipart", "bytes"]
"""Encoding of a body."""

Spelling = Literal["base64", "data_uri", "file"]
"""Spelling of a picture in a body: as text, as a text that names its type, or as its bytes."""


@dataclass(frozen=True)
class Endpoint:
    """A documented request: where it goes and what it holds.

    Attributes:
        path: below ``base_url``, with the query.
        keys: the top-level keys of its body, all of them; of a multipart body, the parts' names.
        probe: the place of the probe in the body: a key, or keys with dots between, as in
            ``images.data``, where the numbers of a list may be left out. Several places if it is
            sent more than once, none if it is not sent. A body of bytes is the place ``body``.
        gallery: the place of the gallery pictures, in the same words.
        method: in capitals.
        encoding: of the body.
        picture: how a picture is spelled; base64 in JSON and forms, a file elsewhere, if None.
        headers: of this request beside those of every request, names in lower case; None for one
            of those that this request lacks.
        fields: values that the body has to have, objects key by key: a fixed word, or the id that
            an earlier reply gave.
        each: it is made once for each gallery picture.
    """

    path: str
    keys: Collection[str] = ()
    probe: str | Sequence[str] = ()
    gallery: str | Sequence[str] = ()
    method: str = "POST"
    encoding: Encoding = "json"
    picture: Spelling | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    each: bool = False

    @property
    def spelling(self) -> Spelling:
        """The spelling of its pictures."""
        return self.picture or ("base64" if self.encoding in ("json", "form") else "file")

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Interaction:
    """A request that a question makes beside the one that is answered, and its reply.

    Attributes:
        endpoint: the request.
        body: the reply's, as data; or its bytes.
        status: HTTP's.
        headers: of the reply, beside its length.
        ids: top-level keys of the reply whose texts, of eight letters or more, later requests
            repeat; every question gets texts of its own, so that requests of several questions at
            once can be told apart.
        once: it is made for a provider, not for every question, as for a token that is kept.
    """

    endpoint: Endpoint
    body: Any = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    ids: Collection[str] = ()
    once: bool = False

    def __post_init__(self) -> None:
        for name in self.ids:
            value = self.body.get(name) if isinstance(self.body, Mapping) else None
            if not isinstance(value, str) or len(value) < 8:
                raise ValueError(f"the id {name} is {value!r}, and has to be 8 letters or more")


@dataclass(frozen=True)
class VendorCall:
    """A way of asking the vendor, and the requests that it takes.

    Attributes:
        operation: which of the three questions.
        endpoint: the request whose reply is the answer.
        options: per-request options it is asked with, by value.
        carries: names of the per-request options that change what is sent; all others do not.
        before: what is exchanged before the answer, in order: tokens, uploads, "not yet".
        after: what is exchanged after the answer, such as a deletion.
    """

    operation: Operation
    endpoint: Endpoint
    options: Mapping[str, Any] = field(default_factory=dict)
    carries: Collection[str] = ()
    before: Sequence[Interaction] = ()
    after: Sequence[Interaction] = ()

    def question(
        self, plugin: str, probe: Image, gallery: tuple[Image, ...], **changes: Any
    ) -> Question:
        """The question to a provider of this plugin, with some of its fields changed."""
        options = {**self.options, **changes.pop("options", {})}
        gallery = () if self.operation is Operation.LIVENESS else gallery
        fields: dict[str, Any] = {"gallery": gallery, "options": {plugin: options}}
        return Question(operation=self.operation, probe=probe, **{**fields, **changes})

    def endpoints(self) -> Iterator[Endpoint]:
        """Every documented request, in order."""
        yield from (each.endpoint for each in self.before)
        yield self.endpoint
        yield from (each.endpoint for each in self.after)

    def alike(self) -> list[list[Endpoint]]:
        """The documented requests in groups that look the same but for what they hold."""
        groups: dict[str, list[Endpoint]] = {}
        for each in self.endpoints():
            groups.setdefault(f"{each} {sorted(each.headers.items())}", []).append(each)
        return [*groups.values()]

    def keeps_a_token(self) -> bool:
        """Whether something is exchanged once for many questions; a 401 may renew it."""
        return any(each.once for each in self.before)

    def has_untold_rounds(self) -> bool:
        """Whether it takes several requests a question that share no id."""
        own = [each for each in (*self.before, *self.after) if not each.once]
        return bool(own) and not any(each.ids for each in own)

    def __str__(self) -> str:
        return "-".join([self.operation, *map(str, self.options.values())])


@dataclass(frozen=True)
class Documented:
    """A documented reply that is an answer, and its meaning.

    Attributes:
        call: the way in which the vendor was asked.
        body: the reply's, as data; or its bytes.
        expected: a part of the result, as :meth:`VerificationResult.model_dump` gives it in JSON
            mode; objects are compared key by key, so only what is named counts.
        status: HTTP's. Some vendors say "not live" with an error.
        name: its name in the test report.
        asked: thresholds and options of the question, beside those of the call.
    """

    call: VendorCall
    body: Any
    expected: Mapping[str, Any]
    status: int = 200
    name: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_yes(self) -> bool:
        """Whether the person is to be accepted."""
        accepted: bool = self.expected["accepted"]
        return accepted

    def __str__(self) -> str:
        return self.name or f"{self.call}-{'yes' if self.is_yes else 'no'}"


@dataclass(frozen=True)
class Failure:
    """A documented reply that is an error, and its meaning.

    Attributes:
        status: HTTP's.
        body: the reply's, as data; or its bytes.
        raises: exactly this class, or :class:`CaptureRejected` for this reason.
        headers: of the reply, beside its length.
        told: attributes of the error, such as ``image`` or ``retry_after``.
        call: the way in which the vendor was asked; the first documented one if None.
        name: its name in the test report.
        at: which of the call's interactions it ends; the answer's own if None.
        asked: thresholds and options of the question, beside those of the call.
    """

    status: int
    body: Any
    raises: type[FacegateError] | CaptureReason
    headers: Mapping[str, str] = field(default_factory=dict)
    told: Mapping[str, Any] = field(default_factory=dict)
    call: VendorCall | None = None
    name: str = ""
    at: Interaction | None = None
    asked: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        kind = self.raises if isinstance(self.raises, CaptureReason) else self.raises.__name__
        return self.name or f"{self.status}-{kind}"


def meaning(error: FacegateError) -> type[FacegateError] | CaptureReason:
    """An error as a row of a table names it: its class, or why the picture was rejected."""
    reason = getattr(error, "reason", None)
    return reason if isinstance(reason, CaptureReason) else type(error)


def differences(expected: Any, actual: Any, where: str = "") -> list[str]:
    """Differences of the actual data from the expected, a phrase each; other keys may be there.

    Args:
        expected: what has to be there; objects are compared key by key.
        actual: what is there.
        where: the path of both, for the phrases.
    """
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        return [
            line
            for key, value in expected.items()
            for line in differences(value, actual.get(key), f"{where}.{key}".lstrip("."))
        ]
    return [] if expected == actual else [f"{where or 'it'} is {actual!r}, not {expected!r}"]
