"""The console in a browser: whether the models of providers changed, and what shows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from browsers import chromium, needs_browser, violations
from consoles import HOSTILE, Json, Service, console

pytestmark = [pytest.mark.slow, needs_browser]

TELEPHONE = {"width": 360, "height": 740}
ALARM = "2026-03-02T06:00:04.218000Z"
COMMAND = "facegate sentinel accept main --reason ..."


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def service() -> Service:
    return Service()


def watched(day: int, **changes: Any) -> Json:
    """A round as the service tells of it."""
    return {
        "at": f"2026-02-{day:02}T06:00:00.218000Z",
        "part": "watch",
        "answered": 40,
        "failed": {},
        "engines": {},
        "changes": [],
        "doubts": [],
        "p": 0.41,
        "evidence": 1.2,
        "materiality": None,
        "seconds": 0.23,
        "cost": 2.0,
        **changes,
    }


def period(*rounds: Json, **changes: Any) -> Json:
    """A time in which a provider is held to one baseline."""
    return {
        "began": "2026-01-31T06:00:00.218000Z",
        "reason": "baseline",
        "exact": False,
        "baseline_rounds": 20,
        "changed": None,
        "evidence": 41.5,
        "watched": len(rounds),
        "alarm": None,
        "rounds": list(rounds),
        **changes,
    }


def standing(*periods: Json, **changes: Any) -> Json:
    """How a provider stands."""
    return {
        "provider": "main",
        "changed": None,
        "due": "2026-03-03T06:00:00Z",
        "enough": 1095.0,
        "cost": 61.25,
        "periods": list(periods),
        **changes,
    }


def alarmed(sentence: str = "genuine-7 was 0.52 (accept), and is 0.47 (reject)") -> Json:
    """One whose model changed, in its second period."""
    materiality = {
        "verdict": "recalibrate",
        "moved": 38,
        "compared": 40,
        "largest": 0.0512345,
        "impostor_shift": 0.021,
        "genuine_shift": -0.05,
        "otherwise": ["genuine-7"],
        "fmr_before": 1e-4,
        "fmr_after": 3.1e-4,
        "fnmr_before": None,
        "fnmr_after": None,
    }
    alarm = watched(28, at=ALARM, changes=[sentence] * 7, materiality=materiality)
    rounds = [watched(day) for day in range(2, 28)]
    rounds[7]["failed"] = {"genuine-1": "ProviderTimeout", "genuine-2": "ProviderTimeout"}
    before = period(watched(1, doubts=["x was accept, and is reject"]), changed=watched(1)["at"])
    now = period(
        *rounds,
        alarm,
        began="2026-02-01T09:00:00.218000Z",
        reason="checked by risk",
        changed=ALARM,
        alarm=alarm,
    )
    return standing(before, now, changed=ALARM)


def test_a_steady_model_says_since_when_and_how_sure_that_is(
    browser: Browser, service: Service
) -> None:
    service.standings = [standing(period(*(watched(day) for day in range(1, 29))))]
    with console(browser, service, "providers") as page:
        expect(page.get_by_role("heading", level=2)).to_have_text("Model of main")
        expect(page.locator(".headline")).to_have_text("✓ steady since 2026-01-31 06:00:00 UTC")
        facts = page.locator("main dl")
        expect(facts).to_contain_text("41.5 of 1,095 that are an alarm")
        expect(facts).to_contain_text("61.25")
        expect(facts).to_contain_text("2026-03-03 06:00:00")
        expect(page.locator("path.round")).to_have_count(28)
        expect(page.get_by_role("img")).to_have_accessible_name(
            "Rounds from 2026-01-31 to 2026-02-28: 28 as usual, 0 not whole, 0 different"
        )


def test_of_a_long_watch_the_newest_rounds_are_drawn(browser: Browser, service: Service) -> None:
    rounds = [watched(day) for day in range(1, 27) for _ in range(4)]
    service.standings = [standing(period(*rounds, watched=900, began="2019-01-31T06:00:00Z"))]
    with console(browser, service, "providers") as page:
        expect(page.locator("path.round")).to_have_count(100)
        expect(page.locator("path.limit")).to_have_count(0)
        expect(page.locator("svg text").first).to_have_text("2026-02-02")


def test_of_an_exact_provider_any_other_answer_is_a_change(
    browser: Browser, service: Service
) -> None:
    service.standings = [standing(period(watched(1), exact=True, evidence=None))]
    with console(browser, service, "providers") as page:
        expect(page.locator("main dl")).to_contain_text("any other answer")


def test_a_change_is_told_with_what_shows_it_and_how_much_it_matters(
    browser: Browser, service: Service
) -> None:
    service.standings = [alarmed()]
    service.providers[0]["changed"] = ALARM
    with console(browser, service, "providers") as page:
        expect(page.locator(".headline")).to_have_text("! changed by 2026-03-02 06:00:04 UTC")
        shown = page.locator("section li")
        expect(shown).to_have_count(6)
        expect(shown.first).to_have_text("genuine-7 was 0.52 (accept), and is 0.47 (reject)")
        expect(shown.last).to_have_text("and 2 more")
        expect(page.locator("section")).to_contain_text(
            "recalibrate: 38 of 40 scores moved, by at most 0.05123; 1 of the canaries"
            " decided otherwise: genuine-7; false match rate 0.0001 before, now about 0.00031"
        )
        expect(page.get_by_text(COMMAND)).to_be_visible()
        expect(page.locator("path.odd")).to_have_count(2)
        expect(page.locator("path.silent")).to_have_count(1)
        expect(page.locator("path.limit")).to_have_count(2)
        periods = page.get_by_role("table", name="Periods").locator("tbody tr")
        expect(periods).to_have_count(2)
        expect(periods.first).to_contain_text("checked by risk")
        row = page.get_by_role("table", name="Providers").get_by_role("row", name="main")
        expect(row).to_contain_text("model changed by 2026-03-02 06:00:04")


def test_a_difference_that_was_seen_once_is_not_yet_certain(
    browser: Browser, service: Service
) -> None:
    service.standings = [standing(period(watched(1, doubts=["live was 0.9, and is 0.8"])))]
    with console(browser, service, "providers") as page:
        expect(page.locator(".headline")).to_contain_text("? not yet certain")
        expect(page.locator("section li")).to_have_text(["live was 0.9, and is 0.8"])


def test_a_round_that_is_not_whole_says_so(browser: Browser, service: Service) -> None:
    silent = watched(2, failed={"genuine-1": "ProviderTimeout"})
    service.standings = [standing(period(watched(1), silent))]
    with console(browser, service, "providers") as page:
        expect(page.locator("main dl")).to_contain_text("no answer to 1")


def test_without_a_baseline_the_page_says_how_to_take_one(
    browser: Browser, service: Service
) -> None:
    service.standings = [standing(due=None, cost=0.0)]
    with console(browser, service, "providers") as page:
        expect(page.locator(".empty")).to_contain_text("facegate sentinel baseline main")
        service.standings = [standing(period())]
        page.clock.run_for(10_000)
        expect(page.locator(".headline")).to_contain_text("steady since")
        expect(page.locator("path.round")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_read_it_in_any_light(
    browser: Browser, service: Service, scheme: str
) -> None:
    service.standings = [alarmed(), standing(period(watched(1)), provider="backup")]
    with console(browser, service, "providers", color_scheme=scheme) as page:
        expect(page.locator(".headline")).to_have_count(2)
        assert violations(page) == []


def test_hostile_names_are_names_on_a_telephone(browser: Browser, service: Service) -> None:
    service.standings = [alarmed(HOSTILE) | {"provider": HOSTILE}]
    with console(browser, service, "providers", viewport=TELEPHONE) as page:
        expect(page.locator("section li").first).to_contain_text("<img src=x")
        assert page.title() == "Providers - facegate"
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= TELEPHONE["width"]
