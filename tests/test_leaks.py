"""Faces and credentials appear nowhere but on the wire, however a request ends."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pydantic import ValidationError

import facegate
from acme import DOCUMENT, PROBE, SAME, TOKEN, Acme, CompareMessage, Scripted, Settings, acme
from both import Ask, ask_sync, both_ways
from facegate import (
    CaptureReason,
    CaptureRejected,
    FacegateError,
    FaceVerifier,
    Image,
    Operation,
    RateLimited,
)
from facegate.plugin import call
from facegate.providers.provider import Provider
from facegate.providers.requests import CompareRequest
from facegate.question import Question
from facegate.routing.failover import Failover
from facegate.routing.leaf import Leaf
from facegate.routing.route import Route
from facegate.runtime.flow import HttpReply, HttpRequest, Send
from facegate.testing import FakeProvider
from loopback import Act, Server, authority, echo, raw, refused, reply, reset, stall, tls
from scripted import protected, route

FACES: dict[str, Any] = {"probe": Image.of(PROBE), "gallery": [Image.of(DOCUMENT)]}
PACKAGE = Path(facegate.__file__).parent
PASSWORD = "proxy-pass-8d2f6b1e"


def secrets() -> Iterator[str]:
    """Every spelling of the credentials and of the pictures, and of a piece of each."""
    yield from (TOKEN, TOKEN[4:], PASSWORD)
    for data in (PROBE, DOCUMENT):
        # Past the header, so that two pictures share nothing; 24 letters are 18 bytes of a face.
        inner = data[60:120]
        base64 = Image.of(data).base64.decode()
        yield from (repr(inner)[2:40], inner[:18].hex(), base64[80:104], base64[-64:-40])


def assert_clean(text: str) -> None:
    leaked = [secret for secret in secrets() if secret in text]
    assert not leaked, leaked


def test_the_check_itself_finds_what_it_looks_for() -> None:
    for leak in (PROBE, {"body": Image.of(DOCUMENT).base64}, TOKEN, f"http://u:{PASSWORD}@p"):
        with pytest.raises(AssertionError):
            assert_clean(repr(leak))


def test_whom_a_request_is_about_is_not_shown_by_what_happened() -> None:
    events: list[Any] = []
    with FaceVerifier(FakeProvider(), observers=[events.append]) as verifier:
        verifier.compare(PROBE, DOCUMENT, subject="jane.doe@example.com")
    assert events
    assert "jane.doe" not in repr(events)


def shown(thing: Any) -> str:
    """Whatever a debugger, a log line or a message queue makes of a value."""
    return "\n".join([repr(thing), str(thing), f"{thing}", repr(pickle.dumps(thing))])


def told(error: BaseException) -> str:
    """Whatever a handler, a log or an error tracker makes of an exception, its chain included."""
    chain, seen = [error], ""
    while chain:
        each = chain.pop()
        seen += f"{each!r} {each} {each.args!r} {getattr(each, 'as_dict', dict)()!r}"
        if not each.__suppress_context__ and each.__context__:
            chain.append(each.__context__)
        if each.__cause__:
            chain.append(each.__cause__)
    values = [repr(value) for frame in frames(error) for value in frame.f_locals.values()]
    return "\n".join([seen, *values, *traceback.format_exception(error)])


def frames(error: BaseException) -> list[FrameType]:
    """Those of facegate's own that it came through."""
    return [
        frame
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).is_relative_to(PACKAGE)
    ]


def in_a_route(provider: Provider) -> Route:
    """Behind all that a configuration can put around it."""
    return route(Failover("kyc", [protected(Leaf(provider))]))


def test_the_check_itself_looks_into_every_package_on_the_way() -> None:
    with pytest.raises(FacegateError) as caught:
        ask_sync(in_a_route(acme(refused())), **FACES)
    seen = {Path(frame.f_code.co_filename).parent for frame in frames(caught.value)}
    assert PACKAGE / "routing" in seen


ENDS: dict[str, Act] = {
    "success": reply(200, {"score": 0.93}),
    "the request echoed with 422": echo(422),
    "the request echoed with 200": echo(200),
    "the request echoed with 500": echo(500),
    "a secret as the code": reply(400, {"code": f"bad token {TOKEN}"}),
    "a secret as a key": reply(200, {"score": 0.5, "scores": {TOKEN: "high"}}),
    "a secret as a value": reply(200, {"score": TOKEN}),
    "a secret as the address": reply(302, Location=f"https://elsewhere.example/?t={TOKEN}"),
    "HTML": reply(502, f"<p>{TOKEN}".encode()),
    "a bad length": raw(f"HTTP/1.1 200 OK\r\nContent-Length: {TOKEN}\r\n\r\n".encode()),
    "not HTTP": raw(f"{TOKEN}\r\n".encode()),
    "a reset": reset,
    "no answer": stall,
    "too much": reply(200, b"x" * 9999),
}


@both_ways
@pytest.mark.parametrize("act", ENDS.values(), ids=ENDS)
@pytest.mark.parametrize("way", [lambda provider: provider, in_a_route], ids=["alone", "routed"])
def test_nothing_shows_however_a_request_ends(
    ask: Ask, act: Act, way: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Server(act) as server:
        patience = 0.2 if act is stall else 60
        provider = acme(server.url, read_s=patience, max_reply_bytes=5000)
        try:
            end = shown(ask(way(provider), **FACES))
        except FacegateError as error:
            end = told(error) + shown(error)
        assert server.asked.wait(60)
    assert TOKEN in str(server.seen)
    assert_clean(end)
    assert_clean("\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records))


@both_ways
def test_nothing_shows_where_there_is_no_connection(
    ask: Ask, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    proxy = refused().replace("//", f"//user:{PASSWORD}@")
    with Server(stall, tls=tls("other.example")) as impostor:
        for provider in (
            acme(refused()),
            acme("https://api.example", proxy=proxy),
            acme(impostor.url, ca_file=authority(tmp_path)),
            acme(impostor.url, token=f"{TOKEN}\n"),
            acme(refused(), token=f"{TOKEN}☃"),
        ):
            with pytest.raises(FacegateError) as caught:
                ask(provider, **FACES)
            assert_clean(told(caught.value) + shown(caught.value))
    assert_clean(caplog.text)


@both_ways
def test_a_plugins_bug_shows_nothing(ask: Ask) -> None:
    def script(request: CompareRequest) -> Any:
        raise ValueError(f"{TOKEN} {request.probe.data!r}")

    def blocking(request: CompareRequest) -> Any:
        return (yield from call(lambda: script(request)))

    for provider in (Scripted(script), Scripted(blocking)):
        with pytest.raises(FacegateError) as caught:
            ask(provider, **FACES)
        assert_clean(told(caught.value) + shown(caught.value))


@both_ways
def test_pictures_that_are_refused_show_nothing(ask: Ask, tmp_path: Path) -> None:
    def script(request: CompareRequest) -> Any:
        yield from ()
        return SAME

    base64 = Image.of(PROBE).base64.decode()
    for gallery in (PROBE, [PROBE, PROBE], PROBE[:-20], base64, f"data:,{base64}", [base64[:-8]]):
        with pytest.raises(FacegateError) as caught:
            ask(Scripted(script), probe=PROBE, gallery=gallery)
        error = caught.value
        assert_clean(shown(error) + "".join(traceback.format_exception(error)))


def test_values_show_nothing() -> None:
    proxy = f"http://user:{PASSWORD}@proxy.example"
    provider = acme("https://api.example", proxy=proxy)
    probe = Image.of(PROBE)
    message = CompareMessage(probe=probe, gallery=[probe], mode="FAST")
    request = CompareRequest(probe, (Image.of(DOCUMENT),), provider.settings, 0.8)
    effect = next(provider.answer(request))
    assert isinstance(effect, Send)
    assert TOKEN in str(effect.request.headers)
    for thing in (
        provider,
        provider.settings,
        provider.settings.transport,
        vars(provider),
        provider.settings.model_dump_json(),
        probe,
        message,
        request,
        effect,
        effect.request,
        HttpRequest("POST", "https://api.example", {"Authorization": TOKEN}, (probe.base64,)),
        HttpReply(422, {"echo": TOKEN}, probe.base64),
        Question(operation=Operation.COMPARE, probe=PROBE, gallery=[DOCUMENT]),
    ):
        assert_clean(f"{thing!r} {thing}")


def test_errors_about_settings_and_messages_show_nothing() -> None:
    long = Image.of(PROBE).base64.decode()
    for model, values in (
        (Settings, {"base_url": "https://api.example", "token": [TOKEN]}),
        (Settings, {"base_url": f"https://:{PASSWORD}@api.example", "token": TOKEN}),
        (Settings, {"base_url": "https://api.example", "token": TOKEN, "mode": TOKEN}),
        (Settings, {"base_url": "https://api.example", "proxy": f"socks5://{PASSWORD}"}),
        (CompareMessage, {"probe": long, "gallery": long, "mode": "FAST"}),
        (CompareMessage, {"probe": long[:-7], "gallery": [], "mode": TOKEN}),
    ):
        with pytest.raises((ValidationError, FacegateError)) as caught:
            model.model_validate(values)
        assert_clean(f"{caught.value} {caught.value!r}")


def test_errors_survive_a_pickle_whole() -> None:
    for error in (
        RateLimited("wait", retry_after=3.5, provider="main", vendor_code="E1"),
        CaptureRejected("", reason=CaptureReason.EYES_CLOSED, image="probe"),
    ):
        again = pickle.loads(pickle.dumps(error))  # noqa: S301
        assert type(again) is type(error)
        assert (again.args, vars(again)) == (error.args, vars(error))


def test_an_acme_is_as_a_plugin_author_would_write_it() -> None:
    """What these tests rest on: the token is in the settings and reaches the headers."""
    provider = acme("https://api.example")
    assert isinstance(provider, Acme)
    assert provider.headers() == {"Authorization": f"Token {TOKEN}"}
