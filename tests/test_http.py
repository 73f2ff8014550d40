"""A vendor behind HTTP, asked over real sockets: what goes out, and what each reply means."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import Any

import pytest
from pydantic import ValidationError

from acme import (
    DOCUMENT,
    PASSPORT,
    PROBE,
    TOKEN,
    Acme,
    CompareMessage,
    CompareReply,
    LivenessMessage,
    acme,
)
from both import Ask, ask_sync, both_ways, run_sync
from facegate import (
    AuthenticationFailed,
    BadReply,
    Billed,
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    ConnectionFailed,
    FacegateError,
    Image,
    ImageRejected,
    PermissionDenied,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExhausted,
    RateLimited,
    UnmappedError,
)
from facegate.plugin import HttpSettings, json_body
from loopback import Act, Server, drip, message, raw, refused, reply, reset, stall, unanswered

PICTURES: dict[str, Any] = {"probe": PROBE, "gallery": [DOCUMENT, PASSPORT]}
SAME = reply(200, {"score": 0.93, "id": "ref-7", "unheard": "of"})


def failure(ask: Ask, act: Act, **settings: Any) -> FacegateError:
    """The error that a reply ends in."""
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask(acme(server.url, **settings), **PICTURES)
    return caught.value


@both_ways
def test_a_request_on_the_wire(ask: Ask) -> None:
    with Server(SAME) as server:
        ask(acme(f"{server.url}/api/"), **PICTURES, threshold=0.7)
    (seen,) = server.seen
    probe, *gallery = (Image.of(source) for source in (PROBE, DOCUMENT, PASSPORT))
    told = {
        "probe": probe.base64.decode(),
        "gallery": [image.base64.decode() for image in gallery],
        "minScore": 0.7,
        "mode": "FAST",
        "note": 'ünïcödé "quoted"\n',
    }
    assert (seen.method, seen.target) == ("POST", "/api/v1/compare")
    assert seen.body == json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
    assert seen.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Token {TOKEN}",
        "content-length": str(len(seen.body)),
        "content-type": "application/json",
    }


@both_ways
def test_a_reply_becomes_a_result(ask: Ask) -> None:
    with Server(SAME) as server:
        result = ask(acme(server.url), **PICTURES)
    assert result.accepted
    assert result.match is not None
    assert (result.match.score, result.match.threshold) == (0.93, 0.8)
    assert (result.provider, result.vendor_reference) == ("main", "ref-7")


@both_ways
def test_a_byte_order_mark_before_a_reply_is_none_of_it(ask: Ask) -> None:
    with Server(reply(200, b'\xef\xbb\xbf{"score": 0.93}')) as server:
        assert ask(acme(server.url), **PICTURES).accepted


@both_ways
def test_an_option_for_one_request_reaches_the_wire(ask: Ask) -> None:
    with Server(SAME) as server:
        ask(acme(server.url), **PICTURES, options={"acme": {"mode": "ACCURATE"}})
    assert server.seen[0].json["mode"] == "ACCURATE"


def test_a_get_has_no_body() -> None:
    with Server(SAME) as server:
        assert run_sync(acme(server.url).get("/v1/last", CompareReply)).score == 0.93
    (seen,) = server.seen
    assert (seen.method, seen.target, seen.body) == ("GET", "/v1/last", b"")
    assert "content-type" not in seen.headers


def test_a_body_holds_pictures_without_copying_them() -> None:
    probe, document = Image.of(PROBE), Image.of(DOCUMENT)
    body = json_body(CompareMessage(probe=probe, gallery=[document, probe], mode="FAST")).parts
    assert [part for part in body if part is probe.base64] == [probe.base64] * 2
    assert any(part is document.base64 for part in body)
    assert json.loads(b"".join(body))["gallery"][1] == probe.base64.decode()


def test_a_message_with_a_picture_reads_back() -> None:
    sent = LivenessMessage(image=Image.of(PROBE))
    for text in (b"".join(json_body(sent).parts), sent.model_dump_json()):
        assert LivenessMessage.model_validate_json(text).image.data == PROBE


ERRORS: dict[str, tuple[Act, type[FacegateError]]] = {
    "a code": (reply(400, {"code": "bad_token"}), AuthenticationFailed),
    "a code beats its status": (reply(503, {"code": "no_credits"}), QuotaExhausted),
    "an unknown code": (reply(401, {"code": "brand_new"}), UnmappedError),
    "no code": (reply(401, {"error": "who?"}), AuthenticationFailed),
    "a number": (reply(400, {"code": 17}), QuotaExhausted),
    "a number below zero": (reply(400, {"code": -1604}), CaptureRejected),
    "an unknown number": (reply(403, {"code": 18}), UnmappedError),
    "a code that is neither": (reply(403, {"code": [17]}), PermissionDenied),
    "a switch": (reply(403, {"code": True}), PermissionDenied),
    "the vendor's status": (reply(402), QuotaExhausted),
    "403": (reply(403), PermissionDenied),
    "413": (reply(413), ImageRejected),
    "429": (reply(429), RateLimited),
    "502 in HTML": (reply(502, b"<html>Bad gateway</html>"), BadReply),
    "503": (reply(503), ProviderUnavailable),
    "504": (reply(504), ProviderTimeout),
    "500": (reply(500), ProviderUnavailable),
    "404 in HTML": (reply(404, b"<html>"), UnmappedError),
    "304": (reply(304), UnmappedError),
    "deeply nested": (reply(500, b"[" * 100_000), ProviderUnavailable),
    "not UTF-8": (reply(500, b'{"code": "\xff"}'), ProviderUnavailable),
    "a list": (reply(500, ["code"]), ProviderUnavailable),
}


@both_ways
@pytest.mark.parametrize(("act", "expected"), ERRORS.values(), ids=ERRORS)
def test_what_an_error_reply_means(ask: Ask, act: Act, expected: type[FacegateError]) -> None:
    assert type(failure(ask, act)) is expected


def test_a_vendors_code_is_kept_unless_it_could_be_anything() -> None:
    assert failure(ask_sync, reply(400, {"code": "bad_token"})).vendor_code == "bad_token"
    assert str(failure(ask_sync, reply(400, {"code": "E:1.2"}))) == "main: answered 400 E:1.2"
    strange = failure(ask_sync, reply(400, {"code": "you sent iVBORw0KGgo="}))
    assert (strange.vendor_code, strange.message) == (None, "answered 400")


def test_a_capture_reason_comes_from_the_same_table() -> None:
    error = failure(ask_sync, reply(422, {"code": "no_face"}))
    assert isinstance(error, CaptureRejected)
    assert error.reason is CaptureReason.FACE_NOT_FOUND


WAITS = {
    "seconds": ("120", 120),
    "a date gone by": (formatdate(0, usegmt=True), 0),
    "nonsense": ("soon", None),
    "negative": ("-5", None),
}


@pytest.mark.parametrize(("header", "seconds"), WAITS.values(), ids=WAITS)
def test_how_long_to_wait_when_rate_limited(header: str, seconds: float | None) -> None:
    error = failure(ask_sync, reply(429, {"code": "slow_down"}, Retry_After=header))
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


@pytest.mark.parametrize("status", [500, 503, 521, 529])
def test_how_long_to_wait_while_out_of_service(status: int) -> None:
    error = failure(ask_sync, reply(status, Retry_After="120"))
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after == 120


def test_how_long_to_wait_until_a_date() -> None:
    began = time.time()
    date = formatdate(began + 3600, usegmt=True)
    error = failure(ask_sync, reply(429, {"code": "slow_down"}, Retry_After=date))
    passed = time.time() - began
    assert isinstance(error, RateLimited)
    assert error.retry_after is not None
    assert 3599 - passed <= error.retry_after <= 3600


UNREADABLE = {
    "empty": b"",
    "HTML": b"<!doctype html><p>It works!",
    "null": b"null",
    "a list": b"[]",
    "cut short": b'{"score": 0.9',
    "another message": b'{"similarity": 0.9}',
    "null in place of a number": b'{"score": null}',
    "text in place of a number": b'{"score": "high"}',
    "NaN": b'{"score": NaN}',
    "infinity": b'{"score": 1e999}',
    "out of range": b'{"score": 93.0}',
    "deeply nested": b'{"score": ' + b"[" * 100_000,
    "not UTF-8": b'{"score": 0.9, "id": "\xff"}',
    "one name twice": b'{"score": 0.1, "score": 0.9}',
    "one name twice, further in": b'{"score": 0.9, "scores": {"a": 0.1, "a": 0.9}}',
    "crowded": b'{"score": 0.93, "crowd": [0' + b",0" * 20_000 + b"]}",
    "crowded, and nested": b'{"score": 0.93, "crowd": [' + b"[{}]," * 8_000 + b"0]}",
    "compressed": b"\x1f\x8b\x08\0\0\0\0\0\0\3\xabVJ\xce",
}


@both_ways
@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
def test_a_reply_that_cannot_be_read_is_no_decision(ask: Ask, body: bytes) -> None:
    error = failure(ask, reply(200, body))
    assert type(error) is BadReply
    assert error.message.startswith("answered 200 with a body that is no CompareReply")


OK = b"HTTP/1.1 200 OK\r\n"
BROKEN: dict[str, tuple[Act, type[FacegateError]]] = {
    "reset": (reset, BadReply),
    "closed without a word": (raw(b""), BadReply),
    "closed in the headers": (raw(OK + b"Content-Le"), BadReply),
    "closed in the body": (raw(OK + b'Content-Length: 99\r\n\r\n{"score"'), BadReply),
    "a length too short": (raw(OK + b'Content-Length: 5\r\n\r\n{"score": 0.9}'), BadReply),
    "a length too long": (raw(OK + b'Content-Length: 99\r\n\r\n{"score": 0.9}'), BadReply),
    "a length of nonsense": (raw(OK + b"Content-Length: long\r\n\r\n{}"), BadReply),
    "two lengths": (raw(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"), BadReply),
    "a length beside chunks": (
        raw(
            OK + b"Content-Length: 14\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'f\r\n{"score": 0.93}\r\n0\r\n\r\n'
        ),
        BadReply,
    ),
    "chunks cut off": (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{}"), BadReply),
    "not HTTP": (raw(b"SSH-2.0-OpenSSH_9.6\r\n"), BadReply),
    "headers without end": (raw(OK + b"X-Padding: x\r\n" * 20_000, then=stall), BadReply),
    "too large": (reply(200, b" " * 6000), BadReply),
    "too large, in chunks": (
        raw(OK + b"Transfer-Encoding: chunked\r\n\r\n" + b"400\r\n%s\r\n" % (b"x" * 1024) * 9),
        BadReply,
    ),
    "silent": (stall, ProviderTimeout),
    "silent in the body": (raw(OK + b"Content-Length: 9\r\n\r\n{", then=stall), ProviderTimeout),
    "dripping": (drip(OK + b"X-Padding: x" * 999), ProviderTimeout),
}


@both_ways
@pytest.mark.parametrize(("act", "expected"), BROKEN.values(), ids=BROKEN)
def test_what_a_broken_exchange_means(ask: Ask, act: Act, expected: type[FacegateError]) -> None:
    limits = {"read_s": 0.1, "deadline_s": 0.5} if expected is ProviderTimeout else {}
    error = failure(ask, act, max_reply_bytes=5000, **limits)
    assert type(error) is expected
    assert not error.retryable  # whether it was processed, and charged, is unknown
    assert error.billed is Billed.MAYBE


@both_ways
def test_a_vendor_that_cannot_be_reached_did_nothing(ask: Ask) -> None:
    with unanswered() as silent:
        for url in (refused(), silent, "https://no..name", f"https://{'x' * 64}.test"):
            with pytest.raises(ConnectionFailed) as caught:
                ask(acme(url, connect_s=0.2), **PICTURES)
            assert caught.value.retryable
            assert caught.value.billed is Billed.NO


@both_ways
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(ask: Ask, status: int) -> None:
    with Server(SAME) as elsewhere:
        error = failure(ask, reply(status, Location=f"{elsewhere.url}/v1/compare"))
    assert type(error) is UnmappedError
    assert not elsewhere.seen


@both_ways
@pytest.mark.parametrize("token", ["pasted\n", "snow☃man"])
def test_a_credential_that_no_header_can_hold_is_a_matter_of_configuration(
    ask: Ask, token: str
) -> None:
    with Server(SAME) as server, pytest.raises(ConfigurationError, match="a header") as caught:
        ask(acme(server.url, token=token), **PICTURES)
    assert not server.seen
    assert token.strip() not in str(caught.value)


REFUSED = {
    "no scheme": ({"base_url": "127.0.0.1:80"}, "absolute"),
    "not http": ({"base_url": "ftp://127.0.0.1"}, "absolute"),
    "unencrypted": ({"base_url": "http://api.example"}, "not encrypted"),
    "unencrypted address": ({"base_url": "http://10.0.0.8"}, "not encrypted"),
    "user": ({"base_url": "https://me:secret@api.example"}, "user name"),
    "password": ({"base_url": "https://:secret@api.example"}, "user name"),
    "query": ({"base_url": "https://api.example/?key=secret"}, "query"),
    "proxy": ({"base_url": "https://api.example", "proxy": "socks5://secret"}, "http"),
    "port": ({"base_url": "https://api.example:99999"}, "absolute"),
    "no port": ({"base_url": "https://api.example:secret"}, "absolute"),
    "port 0": ({"base_url": "https://api.example:0"}, "absolute"),
    "no address": ({"base_url": "https://[::1"}, "absolute"),
    "space": ({"base_url": "https://api example"}, "absolute"),
    "line": ({"base_url": "https://api.example/\r\nX: secret"}, "absolute"),
    "proxy's port": ({"base_url": "https://api.example", "proxy": "http://a:99999"}, "http"),
    "proxy's password": (
        {"base_url": "https://api.example", "proxy": "http://me:secret/word@proxy.example"},
        "percent-encoded",
    ),
    "time": ({"base_url": "https://api.example", "read_s": 0}, "greater than 0"),
}


@pytest.mark.parametrize(("settings", "why"), REFUSED.values(), ids=REFUSED)
def test_settings_that_are_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as caught:
        HttpSettings.model_validate(settings)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "http://localhost:8000"},
        {"base_url": "http://[::1]:8000"},
        {"base_url": "http://10.0.0.8", "allow_http": True},
        {"base_url": "https://api.example/v2/"},
    ],
)
def test_settings_that_are_accepted(settings: dict[str, Any]) -> None:
    assert not HttpSettings.model_validate(settings).base_url.endswith("/")


def test_equal_settings_share_connections_and_others_do_not() -> None:
    one, two = (acme("https://api.example", mode=mode) for mode in ("FAST", "ACCURATE"))
    assert one.settings.transport == two.settings.transport
    assert acme("https://api.example", read_s=9).settings.transport != one.settings.transport


def test_a_provider_is_tested_without_a_server() -> None:
    from facegate.providers.requests import CompareRequest
    from facegate.runtime.flow import HttpReply, Send

    provider = acme("https://api.example")
    assert isinstance(provider, Acme)
    request = CompareRequest(Image.of(PROBE), (Image.of(DOCUMENT),), provider.settings, 0.8)
    flow = provider.answer(request)
    effect = next(flow)
    assert isinstance(effect, Send)
    assert effect.request.url == "https://api.example/v1/compare"
    with pytest.raises(StopIteration) as done:
        flow.send(HttpReply(200, body=message(200, {"score": 0.5}).split(b"\r\n\r\n")[1]))
    assert done.value.value.match.is_match is False


@both_ways
def test_a_secret_that_the_vendor_sends_back_as_its_code_shows_nowhere(ask: Ask) -> None:
    echoing = Server(reply(400, {"code": f"bad:{TOKEN}"}))
    with echoing as server, pytest.raises(UnmappedError) as caught:
        ask(acme(server.url), probe=PROBE, gallery=[DOCUMENT])
    assert caught.value.vendor_code == "masked"
    assert TOKEN not in repr(caught.value) + str(caught.value.as_dict())


@both_ways
def test_the_body_of_an_error_is_read_up_to_64_kib(ask: Ask) -> None:
    for size, kind in ((60_000, RateLimited), (70_000, UnmappedError)):
        body = {"code": "slow_down", "more": "x" * size}
        with Server(reply(400, body)) as server, pytest.raises(kind):
            ask(acme(server.url), probe=PROBE, gallery=[DOCUMENT])
