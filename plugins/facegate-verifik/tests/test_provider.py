"""Verifik's client, beyond the contract: thresholds, contradictions, and the token."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from both import Ask, ask_sync, both_ways
from drawn import claiming, picture
from facegate import (
    BadReply,
    ConfigurationError,
    CredentialsExpired,
    FacegateError,
    FaceVerifier,
    ImageFormat,
    ImageRejected,
    InvalidRequest,
    UnsupportedOption,
)
from facegate.config import Config
from facegate.providers.registry import Registry
from facegate_verifik.provider import Verifik, VerifikSettings
from loopback import Act, PendingRequest, Server, reply

DAY = 86_400
KEY = "nobody-needs-it-to-read-a-token-" * 2
PROBE, PASSPORT = picture(seed=1), picture(seed=2)
BOTH: dict[str, Any] = {"probe": PROBE, "gallery": [PASSPORT]}
SAME = reply(200, {"data": {"result": {"score": 0.91}}})


def token(days: float, **claims: Any) -> str:
    """One that ends in so many days."""
    return jwt.encode({"clientId": "6" * 24, "exp": int(time.time() + days * DAY), **claims}, KEY)


def verifik(base_url: str = "http://127.0.0.1:9", **settings: Any) -> Verifik:
    values = {"base_url": base_url, "token": "opaque", **settings}
    return Verifik(VerifikSettings.model_validate(values), "main")


def compared(ask: Ask = ask_sync, act: Act = SAME, operation: str = "compare", **how: Any) -> Any:
    with Server(act) as server:
        return ask(verifik(server.url), operation, **{**BOTH, **how})


def data(**fields: Any) -> Act:
    return reply(200, {"data": fields})


def test_thresholds_go_along_always_and_options_where_they_count() -> None:
    everything = data(result={"score": 0.9, "liveness_score": 0.9}, liveness_score=0.9)
    with Server(everything) as server, FaceVerifier(verifik(server.url)) as verifier:
        verifier.compare(**BOTH, options={"verifik": {"search_mode": "ACCURATE"}})
        verifier.compare_live(**BOTH, threshold=0.7, liveness_threshold=0.52)
        verifier.liveness(PROBE, liveness_threshold=0.5, options={"verifik": {"os": "IOS"}})
    pictures = {"probe", "gallery", "image"}
    assert [
        {key: value for key, value in seen.json.items() if key not in pictures}
        for seen in server.seen
    ] == [
        {"search_mode": "ACCURATE", "compare_min_score": 0.85},
        {
            "os": "DESKTOP",
            "search_mode": "FAST",
            "liveness_min_score": 0.52,
            "compare_min_score": 0.7,
        },
        {"os": "IOS", "liveness_min_score": 0.5},
    ]


@both_ways
@pytest.mark.parametrize(
    ("operation", "how", "range_"),
    [
        ("compare", {"threshold": 0.66}, "threshold must be a number from 0.67 to 0.95"),
        ("compare", {"threshold": 0.951}, "threshold must be a number from 0.67 to 0.95"),
        ("compare_live", {"liveness_threshold": 0.51}, "from 0.52 to 1 here"),
        ("compare_live", {"liveness_threshold": 1.01}, "from 0.5 to 1"),
    ],
)
def test_a_threshold_out_of_range_is_refused_before_anything_is_sent(
    ask: Ask, operation: str, how: dict[str, float], range_: str
) -> None:
    with Server(SAME) as server, pytest.raises(InvalidRequest, match=range_):
        ask(verifik(server.url), operation, **BOTH, **how)
    assert not server.seen


def test_the_ends_of_the_range_are_in_it() -> None:
    for threshold in (0.67, 0.95):
        assert compared(act=data(score=0.95), threshold=threshold).accepted


def test_a_setting_out_of_range_is_found_by_the_check() -> None:
    settings = {"token": "t", "threshold": 0.99}
    config = Config.load(
        environ={
            f"FACEGATE_PROVIDERS__MAIN__{name.upper()}": str(value)
            for name, value in {**settings, "plugin": "verifik"}.items()
        }
    )
    with pytest.raises(ConfigurationError, match=r"0\.67 to 0\.95"):
        config.provider(Registry())


@both_ways
def test_a_picture_that_verifik_takes_for_none_is_not_sent(ask: Ask) -> None:
    stub = claiming(ImageFormat.PNG, 20, 20)
    assert len(stub) < 75
    with Server(SAME) as server:
        for how in ({"probe": stub, "gallery": [PASSPORT]}, {"probe": PROBE, "gallery": [stub]}):
            with pytest.raises(ImageRejected, match="the least is 100") as caught:
                ask(verifik(server.url), "compare", **how)
            assert caught.value.image == ("probe" if how["probe"] == stub else "gallery[0]")
    assert not server.seen


@pytest.mark.parametrize(
    "fields",
    [
        {"result": {"score": 0.8, "passed": True, "compare_min_score": 0.85}},
        {"result": {"score": 0.9, "passed": False, "compare_min_score": 0.85}},
        {"score": 0.9, "compare_min_score": 0.67},
        {"score": 91},
        {"score": "0.91"},
        {"score": None},
        {"result": {"passed": 1}},
    ],
    ids=str,
)
def test_what_contradicts_itself_or_the_question_is_no_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(BadReply):
        compared(act=data(**fields))


def test_a_verdict_stands_without_a_score_and_at_a_rounded_one() -> None:
    alone = compared(act=data(result={"passed": True}))
    assert (alone.match.is_match, alone.match.score, alone.match.threshold) == (True, None, 0.85)
    assert not compared(act=data(result={"score": 0.85, "passed": False})).accepted
    assert compared(act=data(score=0.85)).accepted


def test_a_stricter_threshold_than_asked_for_is_shown() -> None:
    result = compared(act=data(score=0.9, compare_min_score=0.95))
    assert (result.accepted, result.match.threshold) == (False, 0.95)


@pytest.mark.parametrize("score", [92, "92", "NaN", "", "live", True, -0.1])
def test_a_liveness_score_off_the_scale_is_no_answer(score: Any) -> None:
    with pytest.raises(BadReply):
        compared(act=data(result={"score": 0.9, "liveness_score": score}), operation="compare_live")


def test_a_score_counts_against_a_verdict_from_the_other_shape() -> None:
    mixed = data(result={"score": 0.9, "liveness_score": "0.1"}, liveness={"passed": True})
    with pytest.raises(BadReply, match="contradicts"):
        compared(act=mixed, operation="compare_live")


def test_nothing_about_liveness_is_no_answer_to_liveness() -> None:
    with pytest.raises(BadReply, match="neither"), Server(data()) as server:
        ask_sync(verifik(server.url), "liveness", probe=PROBE)


def test_a_spoof_that_was_not_asked_about_is_a_no_to_a_comparison_too() -> None:
    spoof = reply(409, {"message": "409:liveness_failed@0.42", "code": "ERROR"})
    result = compared(act=spoof)
    assert not result.accepted
    assert result.match is None
    assert (result.liveness.passed, result.liveness.score) == (False, 0.42)


def test_an_option_that_verifik_does_not_know_is_refused() -> None:
    for options in ({"os": "TOASTER"}, {"order": "random"}):
        with pytest.raises(InvalidRequest):
            compared(options={"verifik": options})
    with pytest.raises(UnsupportedOption):
        compared(options={"verifik": {"renew": True}})


def test_the_token_comes_from_settings_environment_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    prefix = "FACEGATE_PROVIDERS__MAIN__"
    for name, value, expected in (
        ("TOKEN", "from-the-environment", "from-the-environment"),
        ("TOKEN_FILE", str(file), "from-a-file"),
    ):
        config = Config.load(environ={f"{prefix}PLUGIN": "verifik", f"{prefix}{name}": value})
        provider = config.provider(Registry())
        assert isinstance(provider, Verifik)
        assert provider.headers() == {"Authorization": f"Bearer {expected}"}


def test_the_base_url_has_a_default_and_is_checked() -> None:
    assert VerifikSettings(token="t").base_url == "https://api.verifik.co"  # type: ignore[arg-type]
    assert verifik("https://verifik.example/").settings.base_url == "https://verifik.example"
    with pytest.raises(ValueError, match="not encrypted"):
        verifik("http://verifik.example")


@pytest.mark.parametrize(
    ("days", "found"), [(30, None), (3, "expires on 20"), (-3, "expired on 20")]
)
def test_the_check_tells_when_the_token_ends(days: float, found: str | None) -> None:
    findings = verifik(token=token(days)).findings()
    assert len(findings) == (found is not None)
    assert found is None or found in findings[0]
    assert token(days) not in str(findings)


@pytest.mark.parametrize(
    "odd",
    [
        *("opaque", "a.b.c", "ey.ey.ey", "ä" * 40),
        *(token(0, exp=value) for value in ("soon", -1, 1e300, True, [1], None)),
    ],
)
def test_a_token_that_cannot_be_read_is_used_as_it_is(odd: str) -> None:
    assert not verifik(token=odd).findings()


def test_an_expired_token_is_left_to_the_vendor_to_refuse() -> None:
    refusal = reply(403, {"message": "token_expired", "code": "FORBIDDEN"})
    with Server(refusal) as server, pytest.raises(CredentialsExpired):
        ask_sync(verifik(server.url, token=token(-1), renew=True), **BOTH)
    assert [seen.target for seen in server.seen] == ["/v2/face-recognition/compare"]


def renewing(new: str, status: int = 200) -> Act:
    """Verifik, with a new token for whoever asks."""

    def act(line: PendingRequest) -> bool:
        if line.request.method == "GET":
            return reply(status, {"accessToken": new, "tokenType": "bearer"})(line)
        return SAME(line)

    return act


@both_ways
def test_a_token_is_renewed_before_it_expires(ask: Ask) -> None:
    old, new = token(3), token(30)
    with Server(renewing(new)) as server:
        provider = verifik(server.url, token=old, renew=True, renew_months=2)
        for _ in range(2):
            assert ask(provider, **BOTH).accepted
    assert [(seen.target, seen.headers["authorization"]) for seen in server.seen] == [
        ("/v2/auth/session?origin=refresh&expiresIn=2", f"Bearer {old}"),
        ("/v2/face-recognition/compare", f"Bearer {new}"),
        ("/v2/face-recognition/compare", f"Bearer {new}"),
    ]
    assert provider.settings.token.get_secret_value() == old
    assert not provider.findings()


@pytest.mark.parametrize(
    "settings",
    [{"token": token(3)}, {"token": token(30), "renew": True}, {"renew": True}],
    ids=["not wanted", "not yet", "unreadable"],
)
def test_a_token_is_not_renewed_without_need(settings: dict[str, Any]) -> None:
    with Server(renewing("new")) as server:
        ask_sync(verifik(server.url, **settings), **BOTH)
    assert [seen.method for seen in server.seen] == ["POST"]


def test_a_renewal_that_fails_is_a_warning_and_not_tried_again_at_once() -> None:
    with Server(renewing("new", status=500)) as server:
        provider = verifik(server.url, token=token(3), renew=True, several_faces="vendor")
        first, second = (ask_sync(provider, **BOTH) for _ in range(2))
    assert (first.accepted, second.accepted) == (True, True)
    assert first.warnings == ("the token could not be renewed: answered 500",)
    assert not second.warnings
    assert [seen.method for seen in server.seen] == ["GET", "POST", "POST"]


def test_eight_threads_renew_once() -> None:
    with Server(renewing(token(30))) as server, ThreadPoolExecutor(8) as threads:
        provider = verifik(server.url, token=token(3), renew=True)
        found = list(threads.map(lambda _: ask_sync(provider, **BOTH).accepted, range(8)))
    assert all(found)
    assert sorted(seen.method for seen in server.seen) == ["GET", *["POST"] * 8]


def test_neither_token_shows_when_a_question_fails_after_the_renewal() -> None:
    old, new = token(3), token(30)

    def act(line: PendingRequest) -> bool:
        return renewing(new)(line) if line.request.method == "GET" else reply(418)(line)

    with Server(act) as server, pytest.raises(FacegateError) as caught:
        ask_sync(provider := verifik(server.url, token=old, renew=True), **BOTH)
    shown = f"{caught.value!r} {vars(provider)} {caught.value.as_dict()}"
    assert old not in shown
    assert new not in shown


def test_the_date_in_a_finding_is_utc() -> None:
    ends = datetime(2026, 1, 2, 3, 4, tzinfo=UTC).timestamp()
    (found,) = verifik(token=token(0, exp=int(ends))).findings()
    assert "expired on 2026-01-02 03:04 UTC" in found
