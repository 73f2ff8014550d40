"""Bearer tokens that expire, asked for over real sockets."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import anyio
import pytest
from pydantic import SecretStr

from acme import DOCUMENT, PASSPORT, PROBE
from both import Ask, Run, ask_sync, both_ways, every_driver, run_sync
from facegate import (
    AsyncFaceVerifier,
    AuthenticationFailed,
    BadReply,
    FacegateError,
    FaceVerifier,
    PermissionDenied,
    ProviderUnavailable,
    RateLimited,
    UnmappedError,
)
from facegate.plugin import Flow, HttpReply, Token, Tokens, client_credentials, gather, sleep
from facegate.runtime.flow import Sleep, timeout
from facegate.testing.leaks import leaks, shown
from loopback import Act, PendingRequest, Server, message, reply
from veridia import CompareReply, Settings, Veridia

SECRET = "client-secret-5b0d17e9"
ALIKE = {"similarity": 93.5}
PICTURES: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT, PASSPORT]}


class WithTokens(Veridia):
    """Asks for a token at ``/token`` of its own API."""

    def __init__(self, settings: Settings, name: str | None = None) -> None:
        super().__init__(settings, name)
        self.now = 0.0
        self.tokens = Tokens(self._granted, clock=lambda: self.now)

    def _granted(self) -> Flow[Token]:
        return client_credentials(
            f"{self.settings.base_url}/token",
            "us: me",
            SecretStr(SECRET),
            transport=self.settings.transport,
            scope="faces",
        )


def served(grant: Act | None = None, refused: tuple[str, ...] = ()) -> Act:
    """Grants ``granted-1``, ``granted-2`` and so on, and takes all but the ``refused``."""
    lock, given = threading.Lock(), iter(range(1, 99))

    def act(line: PendingRequest) -> bool:
        if line.request.target == "/token":
            if grant is not None:
                return grant(line)
            with lock:
                token = f"granted-{next(given)}"
            return reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": 600})(
                line
            )
        bad = line.request.headers["authorization"].removeprefix("Bearer ") in refused
        return (reply(401) if bad else reply(200, ALIKE))(line)

    return act


def made(server: Server) -> WithTokens:
    return WithTokens(Settings(base_url=server.url), "main")


def asked_with(server: Server) -> list[str]:
    """The tokens of the questions, in order."""
    return [seen.headers["authorization"] for seen in server.seen if seen.target != "/token"]


def granted(server: Server) -> int:
    return sum(seen.target == "/token" for seen in server.seen)


@both_ways
def test_a_token_is_asked_for_once_and_sent_with_every_request(ask: Ask) -> None:
    with Server(served()) as server:
        assert ask(made(server), **PICTURES).accepted
    assert granted(server) == 1
    assert asked_with(server) == ["Bearer granted-1"] * 2
    first = server.seen[0]
    account = base64.b64encode(f"us%3A+me:{SECRET}".encode()).decode()
    assert first.headers["authorization"] == f"Basic {account}"
    assert dict(parse_qsl(first.body.decode())) == {
        "grant_type": "client_credentials",
        "scope": "faces",
    }


def test_an_account_in_the_form() -> None:
    with Server(served()) as server:
        flow = client_credentials(
            f"{server.url}/token",
            "me",
            SecretStr(SECRET),
            transport=Settings(base_url=server.url).transport,
            in_body=True,
        )
        assert run_sync(flow).lives_s == 600
    (seen,) = server.seen
    assert "authorization" not in seen.headers
    assert dict(parse_qsl(seen.body.decode())) == {
        "grant_type": "client_credentials",
        "client_id": "me",
        "client_secret": SECRET,
    }


def test_it_is_renewed_before_it_ends() -> None:
    with Server(served()) as server:
        provider = made(server)
        for now in (0, 539, 541, 541 + 539, 541 + 601):
            provider.now = now
            ask_sync(provider, probe=PROBE, gallery=DOCUMENT)
    numbers = [1, 1, 2, 2, 3]
    assert asked_with(server) == [f"Bearer granted-{number}" for number in numbers]


def test_many_threads_ask_for_one_token() -> None:
    with Server(served()) as server, FaceVerifier(made(server)) as verifier:
        threads = [
            threading.Thread(target=verifier.compare, args=(PROBE, DOCUMENT)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert granted(server) == 1
    assert asked_with(server) == ["Bearer granted-1"] * 8


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_many_tasks_ask_for_one_token(backend: str) -> None:
    async def main(server: Server) -> None:
        async with AsyncFaceVerifier(made(server)) as verifier, anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(verifier.compare, PROBE, DOCUMENT)

    with Server(served()) as server:
        anyio.run(main, server, backend=backend)
    assert granted(server) == 1
    assert len(asked_with(server)) == 8


@both_ways
def test_one_that_is_refused_is_dropped_and_nothing_is_asked_twice(ask: Ask) -> None:
    with Server(served(refused=("granted-1",))) as server:
        provider = made(server)
        with pytest.raises(AuthenticationFailed):
            ask(provider, probe=PROBE, gallery=DOCUMENT)
        assert asked_with(server) == ["Bearer granted-1"]
        assert ask(provider, probe=PROBE, gallery=DOCUMENT).accepted
    assert asked_with(server) == ["Bearer granted-1", "Bearer granted-2"]


@both_ways
@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (reply(401, {"error": "invalid_client"}), AuthenticationFailed),
        (reply(400, {"error": "invalid_scope"}), PermissionDenied),
        (reply(404), UnmappedError),
        (reply(429, Retry_After="7"), RateLimited),
        (reply(503), ProviderUnavailable),
        (reply(200, {"access_token": "t", "token_type": "mac"}), BadReply),
        (reply(200, {"access_token": "t\n", "token_type": "bearer"}), BadReply),
        (reply(200, {"access_token": "t", "token_type": "bearer", "expires_in": -1}), BadReply),
    ],
)
def test_where_no_token_is_granted(ask: Ask, act: Act, expected: type[FacegateError]) -> None:
    with Server(served(grant=act)) as server, pytest.raises(expected) as caught:
        ask(made(server), probe=PROBE, gallery=DOCUMENT)
    assert type(caught.value) is expected
    assert caught.value.message.startswith("token endpoint: ")
    assert not asked_with(server)


def lent(*lives: float | None) -> Callable[[], Flow[Token]]:
    """Gives tokens ``0``, ``1`` and so on; fails where a life is None."""
    left = iter(enumerate(lives))

    def obtain() -> Flow[Token]:
        number, life = next(left)
        yield from sleep(0.02)
        if life is None:
            raise ProviderUnavailable("answered 503")
        return Token(SecretStr(str(number)), life)

    return obtain


@every_driver
def test_all_who_wait_hear_that_it_failed(run: Run) -> None:
    tokens = Tokens(lent(None, 600))

    def one() -> Flow[str]:
        try:
            return (yield from tokens.current()).get_secret_value()
        except ProviderUnavailable as error:
            return error.message

    assert run(gather([one() for _ in range(5)], limit=5)) == ["answered 503"] * 5
    assert run(one()) == "1"


@every_driver
def test_nobody_waits_for_a_renewal_and_a_failed_one_harms_nobody(run: Run) -> None:
    now = 0.0
    tokens = Tokens(lent(600, None, 600), clock=lambda: now)

    def all_at_once() -> Flow[list[str]]:
        found = yield from gather([tokens.current() for _ in range(3)], limit=3)
        return [each.get_secret_value() for each in found]

    assert run(all_at_once()) == ["0", "0", "0"]
    now = 580
    assert run(all_at_once()) == ["0", "0", "0"]
    assert run(all_at_once()) == ["0", "0", "0"]
    now = 595
    # Who comes while it is renewed gets the one before, and the new one after that.
    assert "2" in run(all_at_once())
    assert run(all_at_once()) == ["2", "2", "2"]


@every_driver
def test_one_that_is_refused_while_it_is_renewed_does_not_come_back(run: Run) -> None:
    now, granted = 0.0, list[SecretStr]()

    def obtain() -> Flow[Token]:
        yield from sleep(0)
        if len(granted) == 1:
            tokens.drop(granted.pop())
            raise ProviderUnavailable("answered 503")
        return Token(SecretStr("new" if now else "old"), 600)

    tokens = Tokens(obtain, clock=lambda: now)
    granted.append(run(tokens.current()))
    now = 580
    with pytest.raises(ProviderUnavailable):
        run(tokens.current())
    assert run(tokens.current()).get_secret_value() == "new"


@every_driver
def test_one_that_is_given_up_leaves_the_others_their_turn(run: Run) -> None:
    begun: list[float] = []

    def obtain() -> Flow[Token]:
        begun.append(0.0 if begun else 60.0)
        yield from sleep(begun[-1])
        return Token(SecretStr("second"))

    tokens = Tokens(obtain)

    def hasty() -> Flow[str]:
        try:
            yield from timeout(tokens.current(), 0.1)
        except FacegateError as error:
            return error.code
        return ""

    def patient() -> Flow[str]:
        while not begun:
            yield from sleep(0.001)
        return (yield from tokens.current()).get_secret_value()

    assert run(gather([hasty(), patient()], limit=2)) == ["ProviderTimeout", "second"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_meanwhile_asks_for_its_own() -> None:
    tokens = Tokens(lent(600, 600))
    waiting = tokens.current()
    next(waiting)  # under way, and never ends in the child
    child = os.fork()
    if not child:
        os._exit(0 if run_sync(tokens.current(), 2).get_secret_value() == "1" else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    waiting.close()


@both_ways
def test_neither_the_account_nor_a_token_shows(ask: Ask) -> None:
    leaky = reply(500, message(body={"error": SECRET}))
    refusing = served(refused=("granted-1", "granted-2"))
    with Server(refusing) as server, Server(served(grant=leaky)) as failing:
        for url in (server.url, failing.url):
            provider = WithTokens(Settings(base_url=url), "main")
            with pytest.raises(FacegateError) as caught:
                ask(provider, probe=PROBE, gallery=DOCUMENT)
            views = shown(caught.value) | {"the provider": repr(vars(provider))}
            assert not leaks(views, [SECRET, "granted-1", "granted-2"], [])
            provider.close()


@every_driver
def test_asked_again_until_it_is_done(run: Run) -> None:
    with Server(
        reply(200, {"similarity": 0.0}),
        reply(202, {"similarity": 0.0}, Retry_After="0"),
        reply(429, {}, Retry_After="0"),
        reply(200, ALIKE),
    ) as server:
        provider = made_plain(server)
        flow = provider.poll(
            "/jobs/7", CompareReply, lambda found: found.similarity > 0, every_s=0.01
        )
        assert run(flow).similarity == 93.5
    assert [seen.target for seen in server.seen] == ["/jobs/7"] * 4


def made_plain(server: Server) -> Veridia:
    return Veridia(Settings(base_url=server.url), "main")


def waits(flow: Flow[Any], *replies: Any) -> Iterator[float]:
    """How long a flow waits between requests that are answered so."""
    effect = next(flow)
    for each in replies:
        effect = flow.send(each)
        if isinstance(effect, Sleep):
            yield effect.seconds
            effect = flow.send(None)
    flow.close()


def test_how_long_it_waits_is_the_vendors_to_say() -> None:
    def answered(status: int, **headers: str) -> HttpReply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return HttpReply(status, named, b'{"similarity": 0}')

    provider = Veridia(Settings(base_url="https://api.example"), "main")
    flow = provider.poll("/jobs/7", CompareReply, lambda found: False, every_s=3)
    replies = [answered(200), answered(202, retry_after="9"), answered(429, retry_after="40")]
    assert list(waits(flow, *replies)) == [3, 9, 40]


@every_driver
def test_a_deadline_ends_the_asking(run: Run) -> None:
    with Server(reply(202, {"similarity": 0.0}, Retry_After="60")) as server:
        flow = made_plain(server).poll("/jobs/7", CompareReply, lambda found: False)
        with pytest.raises(FacegateError) as caught:
            run(flow, 0.3)
    assert caught.value.code == "ProviderTimeout"


@every_driver
def test_a_failure_ends_the_asking(run: Run) -> None:
    with Server(reply(200, {"similarity": 0.0}), reply(429)) as server:
        flow = made_plain(server).poll("/jobs/7", CompareReply, lambda found: False, every_s=0.01)
        with pytest.raises(RateLimited):
            run(flow)
