"""What a route may be, and what it becomes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from acme import DOCUMENT, PROBE
from configured import MAIN_AND_BACKUP, entry_points, load, route, ways
from facegate import (
    ConfigurationError,
    ConsentRefused,
    Decision,
    FaceVerifier,
    UnsupportedOption,
    VerificationResult,
)
from facegate.providers.registry import Registry
from facegate.routing.plan import States

THIRD = """
[providers.third]
plugin = "twin"
"""


def compare(folder: Path, text: str, **how: Any) -> VerificationResult:
    with FaceVerifier(route(folder, MAIN_AND_BACKUP + text, "kyc")) as verifier:
        return verifier.compare(PROBE, [DOCUMENT], **how)


def main_down(text: str) -> str:
    return text.replace('plugin = "acme"', 'plugin = "acme"\ndown = true')


# What it leads to


def test_failover_asks_in_the_order_that_is_written(tmp_path: Path) -> None:
    lines = MAIN_AND_BACKUP + '[routes.kyc]\nfailover = ["main", "backup"]'
    for text, asked in ((lines, ["main"]), (main_down(lines), ["main", "backup"])):
        with FaceVerifier(route(tmp_path, text, "kyc")) as verifier:
            result = verifier.compare(PROBE, [DOCUMENT])
        assert [attempt.provider for attempt in result.attempts] == asked
        assert (result.route, result.provider, result.accepted) == ("kyc", asked[-1], True)


def test_routes_nest_and_a_provider_is_one_wherever_it_stands(tmp_path: Path) -> None:
    text = """
    [routes.kyc]
    split = { careful = 90, main = 10 }
    [routes.careful]
    failover = ["main", "backup"]
    """
    built = route(tmp_path, MAIN_AND_BACKUP + text, "kyc")
    assert ways(built.node) == ("Split", ("Failover", "main", "backup"), "main")
    assert [provider.name for provider in built.providers] == ["main", "backup"]


def test_limits_and_breakers_are_a_providers_own_and_retries_a_routes(tmp_path: Path) -> None:
    text = """
    [routes.kyc]
    failover = ["main", "inner"]
    retry = { attempts = 3 }
    [routes.inner]
    to = "backup"
    [breaker]
    [breaker.backup]
    open_s = 5
    [limits.main]
    concurrency = 2
    """
    config = load(tmp_path, MAIN_AND_BACKUP + text)
    built = config.route(Registry(entry_points()), "kyc")
    assert ways(built.node) == (
        "Failover",
        ("Retry", ("Limited", ("Breaker", "main"))),
        ("Breaker", "backup"),
    )
    table = config.document.breaker
    assert table is not None
    assert [table.of(name).open_s for name in ("main", "backup")] == [30, 5]


def test_a_provider_is_limited_too_when_it_is_asked_without_a_route(tmp_path: Path) -> None:
    built = route(tmp_path, MAIN_AND_BACKUP + "[limits.main]\nrate = '5/minute'", "main")
    assert (built.name, ways(built.node)) == (None, ("Limited", "main"))
    assert (built.deadline_s, built.max_attempts) == (2, 1)


@pytest.mark.parametrize(
    ("lines", "attempts"),
    [
        ('to = "main"', 1),
        ('failover = ["main", "backup"]', 2),
        ('failover = ["main", "backup"]\nretry = { attempts = 3 }', 6),
        ("split = { main = 1, backup = 9 }\nretry = {}", 2),
        ('failover = ["main", "backup"]\nretry = { attempts = 3 }\nmax_attempts = 4', 4),
    ],
)
def test_the_budget_is_what_is_written_or_enough_for_everybody(
    tmp_path: Path, lines: str, attempts: int
) -> None:
    built = route(tmp_path, f"{MAIN_AND_BACKUP}[routes.kyc]\ndeadline_s = 8\n{lines}", "kyc")
    assert (built.deadline_s, built.max_attempts) == (8, attempts)


def test_a_shadow_gets_its_share_and_never_answers(tmp_path: Path) -> None:
    shadow = 'shadow = { to = "backup", sample = 0.25, most = 4, deadline_s = 2 }'
    built = route(tmp_path, f'{MAIN_AND_BACKUP}[routes.kyc]\nto = "main"\n{shadow}', "kyc")
    assert [provider.name for provider in built.providers] == ["main"]
    assert built.shadow is not None
    assert built.shadow.candidate.name == "backup"
    assert (built.shadow.sample, built.shadow.most, built.shadow.seconds) == (0.25, 4, 2)


def test_consent_that_a_nested_route_requires_is_required(tmp_path: Path) -> None:
    text = """
    [routes.kyc]
    to = "inner"
    [routes.inner]
    failover = ["main", "backup"]
    require_consent = true
    """
    with pytest.raises(ConsentRefused):
        compare(tmp_path, text)


# Policy

FAILOVER = '[routes.kyc]\nfailover = ["main", "backup"]\n[routes.kyc.policy.compare]\n'


@pytest.mark.parametrize(
    ("policy", "how", "threshold", "decision"),
    [
        ("", {}, 0.8, Decision.ACCEPT),
        ('threshold = "fmr:1e-4"', {}, 0.9, Decision.REJECT),
        ("threshold = { main = 0.95, backup = 70 }", {}, 0.95, Decision.REJECT),
        ("threshold = { backup = 90 }", {}, 0.8, Decision.ACCEPT),
        ('threshold = "fmr:1e-4"', {"threshold": {"main": 0.7}}, 0.7, Decision.ACCEPT),
        ('threshold = "fmr:1e-4"', {"threshold": {"backup": 60}}, 0.9, Decision.REJECT),
        ('threshold = "fmr:1e-4"', {"threshold": {"main": None}}, 0.9, Decision.REJECT),
        ('threshold = "fmr:1e-4"\nreview_from = { main = 0.8 }', {}, 0.9, Decision.REVIEW),
    ],
)
def test_the_requests_threshold_wins_over_the_routes_and_that_over_the_providers(
    tmp_path: Path, policy: str, how: dict[str, Any], threshold: float, decision: Decision
) -> None:
    result = compare(tmp_path, FAILOVER + policy, **how)
    assert result.match is not None
    assert (result.match.threshold, result.decision) == (threshold, decision)


def test_a_policy_holds_for_its_operation_alone(tmp_path: Path) -> None:
    text = f'{MAIN_AND_BACKUP}[routes.kyc]\nto = "main"\n[routes.kyc.policy.compare]\nthreshold = 1'
    with FaceVerifier(route(tmp_path, text, "kyc")) as verifier:
        assert verifier.compare(PROBE, [DOCUMENT]).decision is Decision.REJECT
        assert verifier.liveness(PROBE).accepted


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ("threshold = 0.9", "a threshold as a number means something else to each provider"),
        ("review_from = 0.5", "a review_from as a number means something else"),
        ('threshold = "fmr:1e-5"', "main: threshold 'fmr:1e-5' was never measured"),
        ("threshold = { main = 2 }", "main: threshold must be a number from 0 to 1"),
        ("threshold = { third = 0.5 }", "a threshold for 'third', but the request goes to main or"),
        ("review_from = { main = 0.8 }", "main: review_from = 0.8 must be below the threshold"),
    ],
)
def test_a_threshold_that_a_provider_cannot_be_told_is_refused_at_load(
    tmp_path: Path, policy: str, message: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        route(tmp_path, MAIN_AND_BACKUP + FAILOVER + policy, "kyc")
    assert "facegate.toml: routes.kyc.policy.compare: " + message in str(caught.value)


def test_a_policy_for_an_operation_that_nobody_offers(tmp_path: Path) -> None:
    text = f'{MAIN_AND_BACKUP}[routes.kyc]\nto = "backup"\n[routes.kyc.policy.compare_live]'
    with pytest.raises(ConfigurationError, match="none of its providers offers compare_live"):
        route(tmp_path, text, "kyc")


def test_a_request_cannot_hold_one_number_against_two_scales(tmp_path: Path) -> None:
    for threshold, message in ((0.9, "give each its own"), ({"third": 0.9}, "goes to main or")):
        with pytest.raises(UnsupportedOption, match=message):
            compare(tmp_path, FAILOVER, threshold=threshold)


# Names


def test_the_default_may_be_a_route_and_the_only_name_is_the_default(tmp_path: Path) -> None:
    text = '[routes.kyc]\nfailover = ["main", "backup"]'
    assert route(tmp_path, f'default = "kyc"\n{MAIN_AND_BACKUP}{text}').name == "kyc"
    with pytest.raises(ConfigurationError, match=r"several routes and providers \(kyc, main, b"):
        route(tmp_path, MAIN_AND_BACKUP + text)


def test_a_name_that_nobody_has(tmp_path: Path) -> None:
    text = MAIN_AND_BACKUP + '[routes.kyc]\nto = "main"'
    with pytest.raises(ConfigurationError, match="no provider or route is called 'kyx'; there are"):
        route(tmp_path, text, "kyx")
    with pytest.raises(ConfigurationError, match="'kyc' is a route; name a provider: main, backup"):
        load(tmp_path, text).provider(Registry(entry_points()), "kyc")


# The environment


def test_the_environment_sets_and_adds_to_routes(tmp_path: Path) -> None:
    built = route(
        tmp_path,
        MAIN_AND_BACKUP + '[routes.kyc]\nto = "main"',
        FACEGATE_DEFAULT="kyc",
        FACEGATE_ROUTES__KYC__DEADLINE_S="4.5",
        FACEGATE_ROUTES__KYC__POLICY__COMPARE__THRESHOLD="0.95",
        FACEGATE_BREAKER__MAIN__OPEN_S="9",
        FACEGATE_LIMITS__MAIN__CONCURRENCY="3",
    )
    assert (built.deadline_s, ways(built.node)) == (4.5, ("Limited", ("Breaker", "main")))
    with FaceVerifier(built) as verifier:
        assert not verifier.compare(PROBE, [DOCUMENT]).accepted


def test_the_environment_alone_makes_a_route(tmp_path: Path) -> None:
    config = load(
        tmp_path,
        MAIN_AND_BACKUP,
        {
            "FACEGATE_ROUTES__KYC__FAILOVER": '["backup", "main"]',
            "FACEGATE_ROUTES__KYB__DEADLINE_S": "3",
        },
    )
    assert ways(config.route(Registry(entry_points()), "kyc").node)[1:] == ("backup", "main")
    assert config.unread == ("FACEGATE_ROUTES__KYB__DEADLINE_S",)


def test_secrets_of_routes_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a key of some length\n")
    (tmp_path / "redis").write_text("redis://:pass-93c1@redis.internal\n")
    text = f"subject_key_file = '{tmp_path}/key'\n{MAIN_AND_BACKUP}[limits.main]\nrate = '1/second'"
    config = load(tmp_path, f"{text}\nshared_file = '{tmp_path}/redis'")
    key, limits = config.document.subject_key, config.document.limits["main"]
    assert key is not None
    assert key.get_secret_value() == "a key of some length"
    assert limits.shared is not None
    assert limits.shared.get_secret_value() == "redis://:pass-93c1@redis.internal"
    assert "pass-93c1" not in repr(config)
    with pytest.raises(ConfigurationError, match=r"limits\.main\.shared_file: cannot read"):
        load(tmp_path, f"{text}\nshared_file = '{tmp_path}/gone'")


# The digest


def test_the_digest_changes_with_whatever_may_change_an_answer_and_not_with_secrets(
    tmp_path: Path,
) -> None:
    text = MAIN_AND_BACKUP + '[routes.kyc]\nfailover = ["main", "backup"]\n'
    token, other = (
        text.replace('"acme"', f'"acme"  # a comment\ntoken = "{each}"') for each in ("one", "two")
    )

    def digest(text: str) -> str | None:
        return route(tmp_path, text, "kyc").digest

    assert digest(text) == digest(text + THIRD + "[serve]\nport = 99")
    assert digest(token) == digest(other)
    changed = [
        token,
        text.replace('["main", "backup"]', '["backup", "main"]'),
        text.replace("deadline_s = 2", "deadline_s = 3"),
        text.replace('"acme"', '"twin"'),
        text + "[breaker]",
        text + "max_attempts = 1",
        text + "[routes.kyc.policy.compare]\nthreshold = 'fmr:1e-4'",
    ]
    assert len({digest(text), *map(digest, changed)}) == 8


# Going on


def test_a_provider_goes_on_with_what_is_known_of_it_if_its_settings_are_the_same(
    tmp_path: Path,
) -> None:
    text = f'{MAIN_AND_BACKUP}[routes.kyc]\nfailover = ["main", "backup"]\n[breaker]\n'
    registry = Registry(entry_points())
    states: States = {}
    first = load(tmp_path, text).route(registry, "kyc", states=states)
    later = load(tmp_path, text.replace("score = 75", "score = 60"))
    second = later.route(registry, "kyc", first.held, states)
    (main, backup), (same, other) = first.node.children(), second.node.children()
    assert same.circuit is main.circuit  # type: ignore[attr-defined]
    assert other.circuit is not backup.circuit  # type: ignore[attr-defined]
    assert second.held[0] is first.held[0]
    assert second.held[1] is not first.held[1]
