"""The FR Server's client, asked over real sockets: what goes out, and what each reply means."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from both import Ask, ask_sync, both_ways
from drawn import picture
from facegate import (
    AuthenticationFailed,
    BadReply,
    CaptureReason,
    CaptureRejected,
    ConfigurationError,
    DecidedBy,
    FacegateError,
    Image,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    LicenseInvalid,
    Operation,
    Outcome,
    ProviderUnavailable,
    UnmappedError,
    UnsupportedOperation,
    UnsupportedOption,
)
from facegate.config import build
from facegate.providers.registry import Registry
from facegate_opencv.fr_server.provider import FrServer, FrServerSettings
from loopback import Act, PendingRequest, Server, echo, reply

KEY = "key-8d2e6f01a4c97b35"
PROBE, PASSPORT, LICENCE, BADGE = (picture(seed=seed) for seed in (1, 2, 3, 4))
ONE: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
SAME, OTHER = reply(200, {"is_match": True}), reply(200, {"is_match": False})
LIVENESS_TEXT = "A liveness error occurred. Please check the supplied image and the error metadata."


def fr_server(base_url: str, **settings: Any) -> FrServer:
    values = {"base_url": base_url, "api_key": KEY, **settings}
    return FrServer(FrServerSettings.model_validate(values), "main")


def base64(data: bytes) -> str:
    return Image.of(data).base64.decode()


def liveness_error(metadata: Any, status: int = 422) -> Act:
    body = {"code": "ERR_LIVENESS_ERROR", "message": LIVENESS_TEXT, "metadata": metadata}
    return reply(status, body)


def failure(act: Act, ask: Ask = ask_sync, operation: str = "compare_live") -> FacegateError:
    """The error that a reply ends in."""
    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask(fr_server(server.url), operation, **ONE)
    return caught.value


def for_gallery(**acts: Act) -> Act:
    """Answers by which picture is compared, whatever the order in which the calls come."""
    pictures = {base64(PASSPORT): "passport", base64(LICENCE): "licence", base64(BADGE): "badge"}

    def act(line: PendingRequest) -> bool:
        return acts[pictures[line.request.json["ref_face_base_64"]]](line)

    return act


@both_ways
def test_all_four_fields_are_sent(ask: Ask) -> None:
    with Server(SAME) as server:
        ask(fr_server(f"{server.url}/fr/"), **ONE)
    (seen,) = server.seen
    assert (seen.method, seen.target) == ("POST", "/fr/compare")
    assert (seen.headers["x-api-key"], seen.headers["content-type"]) == (KEY, "application/json")
    assert seen.json == {
        "face_base_64": base64(PROBE),
        "ref_face_base_64": base64(PASSPORT),
        "min_similarity_score": 0.7,
        "check_liveness": False,
    }


@both_ways
@pytest.mark.parametrize(("act", "is_match"), [(SAME, True), (OTHER, False)])
def test_a_verdict_has_the_threshold_that_was_sent_and_no_score(
    ask: Ask, act: Act, *, is_match: bool
) -> None:
    with Server(act) as server:
        result = ask(fr_server(server.url), **ONE, threshold=0.67)
    assert server.seen[0].json["min_similarity_score"] == 0.67
    assert result.accepted == is_match
    assert result.match is not None
    assert (result.match.is_match, result.match.score) == (is_match, None)
    assert (result.match.threshold, result.match.decided_by) == (0.67, DecidedBy.VENDOR)
    assert result.liveness is None


@both_ways
def test_with_liveness_a_match_means_live_as_well(ask: Ask) -> None:
    with Server(SAME) as server:
        result = ask(fr_server(server.url), "compare_live", **ONE)
    assert server.seen[0].json["check_liveness"] is True
    assert result.accepted
    assert result.liveness is not None
    assert result.liveness.passed


@both_ways
def test_a_spoof_is_an_answer_although_it_comes_as_an_error(ask: Ask) -> None:
    with Server(liveness_error({"code": "FACE_NOT_LIVE"})) as server:
        result = ask(fr_server(server.url), "compare_live", **ONE)
    assert not result.accepted
    assert result.match is None
    assert result.liveness is not None
    assert (result.liveness.passed, result.liveness.reason) == (False, "FACE_NOT_LIVE")
    assert [attempt.outcome for attempt in result.attempts] == [Outcome.ANSWERED]


@pytest.mark.parametrize(
    "reason", sorted({*CaptureReason} - {CaptureReason.QUALITY_TOO_LOW, CaptureReason.NOT_STATED})
)
def test_a_capture_fault_says_what_is_wrong_with_the_probe(reason: CaptureReason) -> None:
    error = failure(liveness_error({"code": reason.value}))
    assert isinstance(error, CaptureRejected)
    assert (error.reason, error.image) == (reason, "probe")
    assert error.vendor_code == f"ERR_LIVENESS_ERROR:{reason}"


def test_the_licence_of_the_liveness_engine_is_no_fault_of_the_picture() -> None:
    assert type(failure(liveness_error({"code": "LICENSE_ERROR"}))) is LicenseInvalid


@pytest.mark.parametrize(
    "metadata",
    [
        {"code": "UNKNOWN_ERROR"},
        {"code": "FROM_NEXT_YEAR"},
        {"code": ["EYES_CLOSED"]},
        {},
        [],
        None,
    ],
)
def test_any_other_liveness_error_is_unmapped(metadata: Any) -> None:
    assert type(failure(liveness_error(metadata))) is UnmappedError


def test_only_metadata_can_say_that_a_probe_is_not_live() -> None:
    assert type(failure(reply(422, {"code": "FACE_NOT_LIVE"}))) is UnmappedError


@pytest.mark.parametrize("status", [200, 400, 404, 500], ids=str)
@pytest.mark.parametrize(
    ("code", "text", "kind"),
    [
        (
            "ERR_FACE_NOT_DETECTED",
            "A face could not be detected in the image(s).",
            CaptureRejected,
        ),
        (
            "ERR_API_KEY_NOT_PRESENT",
            "The API key is missing from the request.",
            AuthenticationFailed,
        ),
        ("ERR_API_KEY_NOT_VALID", "The API key is not valid.", AuthenticationFailed),
        ("ERR_NOT_FOUND", "The requested entity could not be found.", UnmappedError),
        (
            "ERR_BASE64_IMAGE_CANNOT_BE_DECODED",
            "The posted Base64 image(s) could not be decoded as JPEG/PNG bytes.",
            ImageRejected,
        ),
        ("ERR_UNPROCESSABLE_CONTENT", "Invalid request: ...", InvalidRequest),
        ("ERR_PAYLOAD_IS_TOO_LARGE", "", ImageRejected),
        ("ERR_LICENSE_EXPIRED", "", LicenseInvalid),
        ("ERR_CANNOT_CONNECT_TO_TIME_SERVER", "", LicenseInvalid),
        ("ERR_CANNOT_CONNECT_TO_HOME_SERVER", "", LicenseInvalid),
        ("ERR_NUMBER_OF_AVAILABLE_INSTANCES_EXCEEDED", "", LicenseInvalid),
        ("ERR_DATABASE_ERROR", "", ProviderUnavailable),
        ("ERR_INVALID_COLLECTION_NAME", "", UnmappedError),
        ("ERR_ALREADY_EXISTS", "", UnmappedError),
        ("ERR_FROM_NEXT_YEAR", "The API key is not valid.", UnmappedError),
    ],
)
def test_a_code_decides_whatever_the_status(
    code: str, text: str, kind: type[FacegateError], status: int
) -> None:
    error = failure(reply(status, {"code": code, "message": text}))
    later = code == "ERR_FROM_NEXT_YEAR" and status >= 500
    assert type(error) is (ProviderUnavailable if later else kind)
    assert error.vendor_code == code
    assert not text or text not in str(error)


@both_ways
def test_one_call_for_each_picture_and_any_match_wins(ask: Ask) -> None:
    acts = for_gallery(passport=OTHER, licence=SAME, badge=OTHER)
    with Server(acts) as server:
        result = ask(fr_server(server.url), probe=PROBE, gallery=[PASSPORT, LICENCE, BADGE])
    assert len(server.seen) == 3
    assert result.accepted
    assert [attempt.image for attempt in result.attempts] == [
        "gallery[0]",
        "gallery[1]",
        "gallery[2]",
    ]
    assert result.match is None or result.match.gallery_scores == ()


@both_ways
def test_no_match_in_any_is_no_match(ask: Ask) -> None:
    with Server(OTHER) as server:
        result = ask(fr_server(server.url), probe=PROBE, gallery=[PASSPORT, LICENCE])
    assert not result.accepted
    assert result.match is not None
    assert not result.match.is_match


@both_ways
def test_not_live_in_one_call_is_not_live(ask: Ask) -> None:
    spoof = liveness_error({"code": "FACE_NOT_LIVE"})
    with Server(for_gallery(passport=SAME, licence=spoof)) as server:
        result = ask(
            fr_server(server.url), "compare_live", probe=PROBE, gallery=[PASSPORT, LICENCE]
        )
    assert not result.accepted
    assert result.match is None
    assert all(seen.json["check_liveness"] for seen in server.seen)


@both_ways
def test_the_first_failure_in_gallery_order_is_raised_with_every_attempt(ask: Ask) -> None:
    acts = for_gallery(
        passport=SAME,
        licence=reply(400, {"code": "ERR_FACE_NOT_DETECTED", "message": "m"}),
        badge=reply(403, {"code": "ERR_API_KEY_NOT_VALID", "message": "m"}),
    )
    with Server(acts) as server, pytest.raises(CaptureRejected) as caught:
        ask(fr_server(server.url), probe=PROBE, gallery=[PASSPORT, LICENCE, BADGE])
    assert [attempt.error_code for attempt in caught.value.attempts] == [
        None,
        "CaptureRejected",
        "AuthenticationFailed",
    ]
    assert caught.value.image is None  # the server says "the image(s)"


def test_one_at_a_time_takes_one_connection() -> None:
    with Server(OTHER) as server:
        provider = fr_server(server.url, parallel=1)
        ask_sync(provider, probe=PROBE, gallery=[PASSPORT, LICENCE, BADGE])
    assert (len(server.seen), server.connections) == (3, 1)


def test_liveness_alone_does_not_exist() -> None:
    with Server(SAME) as server, pytest.raises(UnsupportedOperation):
        ask_sync(fr_server(server.url), "liveness", probe=PROBE)
    assert not server.seen
    offered = fr_server("https://fr.example").capabilities
    assert offered == {Operation.COMPARE, Operation.COMPARE_LIVE}


@both_ways
@pytest.mark.parametrize(
    ("act", "live"), [(SAME, True), (liveness_error({"code": "FACE_NOT_LIVE"}), False)]
)
def test_liveness_by_self_compare_is_what_it_says(ask: Ask, act: Act, *, live: bool) -> None:
    with Server(act) as server:
        provider = fr_server(server.url, liveness_by_self_compare=True, several_faces="vendor")
        result = ask(provider, "liveness", probe=PROBE)
    (seen,) = server.seen
    assert seen.json == {
        "face_base_64": base64(PROBE),
        "ref_face_base_64": base64(PROBE),
        "min_similarity_score": 0.67,
        "check_liveness": True,
    }
    assert result.accepted == live
    assert result.match is None
    assert result.warnings == ("liveness was judged while comparing the probe with itself",)


def test_a_picture_that_does_not_match_itself_proves_nothing() -> None:
    with Server(OTHER) as server, pytest.raises(BadReply, match="match itself"):
        ask_sync(fr_server(server.url, liveness_by_self_compare=True), "liveness", probe=PROBE)


def test_in_a_self_compare_every_fault_is_the_probes() -> None:
    act = reply(400, {"code": "ERR_FACE_NOT_DETECTED", "message": "m"})
    with Server(act) as server, pytest.raises(CaptureRejected) as caught:
        ask_sync(fr_server(server.url, liveness_by_self_compare=True), "liveness", probe=PROBE)
    assert caught.value.image == "probe"


@pytest.mark.parametrize(
    "body",
    [{}, {"is_match": None}, {"is_match": "true"}, {"is_match": 1}, {"score": 0.9}, [], b"<html>"],
)
def test_what_is_no_verdict_is_a_bad_reply(body: Any) -> None:
    assert type(failure(reply(200, body))) is BadReply


def test_only_jpeg_and_png_are_sent() -> None:
    with Server(SAME) as server:
        for kind in (ImageFormat.JPEG, ImageFormat.PNG):
            ask_sync(fr_server(server.url), probe=picture(kind, seed=7), gallery=[PASSPORT])
        for kind in set(ImageFormat) - {ImageFormat.JPEG, ImageFormat.PNG}:
            with pytest.raises(ImageRejected, match="does not take"):
                ask_sync(fr_server(server.url), probe=picture(kind), gallery=[PASSPORT])
    assert len(server.seen) == 2


def test_no_liveness_threshold_can_be_set() -> None:
    with Server(SAME) as server, pytest.raises(UnsupportedOption):
        ask_sync(fr_server(server.url), "compare_live", **ONE, liveness_threshold=0.5)
    assert not server.seen
    settings = {"base_url": "https://fr.example", "api_key": KEY, "liveness_threshold": 0.5}
    with pytest.raises(ConfigurationError, match="liveness_threshold"):
        build(Registry(), "main", "opencv_fr", settings, "here")


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "schlüssel"])
def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(ValidationError) as caught:
        fr_server("https://fr.example", api_key=key)
    assert not key or key not in str(caught.value)


def test_neither_key_nor_picture_shows_when_the_server_echoes_the_request() -> None:
    error = failure(echo(422))
    shown = f"{error!r} {error} {error.as_dict()} {fr_server('https://fr.example')!r}"
    shown += f" {fr_server('https://fr.example').settings!r}"
    assert KEY not in shown
    assert base64(PROBE)[:60] not in shown


def test_it_is_found_by_its_name() -> None:
    assert Registry().provider_type("opencv_fr") is FrServer
