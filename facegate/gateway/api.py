"""The application's view of an API, such as a compatible API behind a Bridge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from facegate.errors import FacegateError
from facegate.runtime.flow import HttpReply, HttpRequest
from facegate.verifier import AsyncFaceVerifier


class Api(Protocol):
    """An API at its place in the application.

    A request goes through the methods from the top down. None of them does anything in a key's
    name before :meth:`prove` has returned: no rate is spent, nothing is looked up or kept.
    """

    @property
    def name(self) -> str:
        """The API's place: ``/<name>/...``."""

    @property
    def routes(self) -> Mapping[str, frozenset[str]]:
        """The paths that exist, each with its methods."""

    @property
    def guarded(self) -> bool:
        """Whether callers must hold a key."""

    @property
    def no_route(self) -> HttpReply | None:
        """The reply where nothing is, in this API's words; None for the application's."""

    @property
    def too_heavy(self) -> HttpReply | None:
        """The reply to too heavy a request, in this API's words; None where it has no own ones."""

    def authorise(self, request: HttpRequest) -> str | HttpReply:
        """The key that the caller claims to hold, or a refusal; the body has not been read yet."""

    def prove(self, request: HttpRequest, key: str) -> HttpReply | None:
        """A refusal, where the whole request does not bear out that its sender holds the key."""

    def repeats(self, request: HttpRequest) -> str | None:
        """The caller's own id of the request, the same when it is sent again."""

    async def answer(
        self, request: HttpRequest, key: str, verifier: AsyncFaceVerifier, **about: str | None
    ) -> HttpReply:
        """The reply to a request; ``about`` is its ``request_id`` and ``subject``, where known.

        Raises:
            FacegateError: there is no answer; :meth:`refuse` makes a reply of the error.
        """

    def refuse(self, error: FacegateError) -> HttpReply:
        """A failure in this API's words."""
