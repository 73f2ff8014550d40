"""The console's queue of near misses: by mouse and by keys, alone and by four eyes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browsers import chromium, needs_browser
from consoles import OTHER, Service, case, console

pytestmark = [pytest.mark.slow, needs_browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def service() -> Service:
    return Service()


def cases(page: Page) -> Locator:
    return page.locator(".cases > li")


def test_three_near_misses_are_decided_by_keys_alone(browser: Browser, service: Service) -> None:
    service.cases = [case(number) for number in (1, 2, 3)]
    with console(browser, service, "reviews") as page:
        expect(cases(page)).to_have_count(3)
        for _ in range(20):
            page.keyboard.press("Tab")
            if cases(page).first.evaluate("each => each === document.activeElement"):
                break
        verdicts = ["accept", "reject", "accept"]
        for number, verdict in enumerate(verdicts):
            here = cases(page).nth(number)
            expect(here).to_be_focused()
            page.keyboard.press("c")
            expect(here).to_contain_text("Yours until 2026-03-02 09:30:00 UTC.")
            page.keyboard.press(verdict[0])
            page.keyboard.press("Escape")
            expect(here).to_be_focused()
            page.keyboard.press(verdict[0])
            page.keyboard.type("a scar, under the hat")  # the keys of acts are letters here
            page.keyboard.press("Enter")
            expect(here).to_contain_text(f"Your verdict: {verdict}.")
            page.keyboard.press("ArrowDown")
        assert [each["verdict"] for each in service.cases] == verdicts
        assert {each["reason"] for each in service.cases} == {"a scar, under the hat"}


def test_what_was_found_goes_with_the_verdict(browser: Browser, service: Service) -> None:
    service.cases = [case(1)]
    with console(browser, service, "reviews") as page:
        page.get_by_role("button", name="Claim").click()
        page.get_by_label("reject").check()
        page.get_by_label("Reason").fill("another person")
        page.get_by_label("What it was").select_option("impostor")
        page.get_by_role("button", name="Record").click()
        expect(cases(page)).to_contain_text("Your verdict: reject.")
        assert service.cases[0]["found"] == "impostor"


def test_a_verdict_is_undone_while_the_claim_lasts(browser: Browser, service: Service) -> None:
    service.cases = [case(1)]
    with console(browser, service, "reviews") as page:
        cases(page).first.focus()
        page.keyboard.press("c")
        expect(page.get_by_role("button", name="Record")).to_be_visible()
        page.keyboard.press("r")
        page.keyboard.type("blurred")
        page.keyboard.press("Enter")
        expect(cases(page)).to_contain_text("Your verdict: reject.")
        page.clock.run_for(5000)  # decided ones are no longer in the queue, and stay in sight
        page.keyboard.press("u")
        expect(page.get_by_role("button", name="Record")).to_be_visible()
        assert service.cases[0]["verdict"] is None
        page.keyboard.press("x")
        expect(page.get_by_role("button", name="Claim")).to_be_visible()
        assert service.cases[0]["claimed_by"] is None


def test_a_verdict_that_can_be_undone_no_more_leaves_the_page(
    browser: Browser, service: Service
) -> None:
    service.cases = [case(1)]
    with console(browser, service, "reviews") as page:
        cases(page).first.focus()
        page.keyboard.press("c")
        expect(page.get_by_role("button", name="Record")).to_be_visible()
        page.keyboard.press("a")
        page.keyboard.type("it is him")
        page.keyboard.press("Enter")
        expect(cases(page)).to_contain_text("Your verdict: accept.")
        page.clock.fast_forward("16:00")
        expect(cases(page)).to_have_count(0)
        expect(page.get_by_text("Nothing to review.")).to_be_visible()


def test_four_eyes_wait_for_a_second_person(browser: Browser, service: Service) -> None:
    service.cases, service.four_eyes = [case(1)], True
    with console(browser, service, "reviews") as page:
        expect(page.get_by_text("once a second person gives the same")).to_be_visible()
        page.get_by_role("button", name="Claim").click()
        page.get_by_label("accept").check()
        page.get_by_label("Reason").fill("the same mole")
        page.get_by_role("button", name="Record").click()
        expect(cases(page)).to_contain_text("Your verdict: accept; it waits for a second person.")


def test_the_second_person_does_not_see_the_first_verdict(
    browser: Browser, service: Service
) -> None:
    first = {"verdict": "reject", "verdict_by": OTHER, "reason": "not him"}
    service.cases, service.four_eyes = [case(1, **first, confirmations_left=1)], True
    with console(browser, service, "reviews") as page:
        expect(cases(page)).to_contain_text("Waits for one more person.")
        expect(cases(page)).not_to_contain_text("not him")


def test_a_case_that_somebody_has_is_theirs(browser: Browser, service: Service) -> None:
    taken = {"claimed_by": OTHER, "claimed_until": "2026-03-02T09:20:00Z"}
    service.cases = [case(1, **taken), case(2)]
    with console(browser, service, "reviews") as page:
        expect(cases(page).first).to_contain_text(f"{OTHER} looks at it until")
        expect(cases(page).first.get_by_role("button")).to_have_count(0)
        service.cases[1] |= taken  # since the page looked
        cases(page).nth(1).get_by_role("button", name="Claim").click()
        expect(page.get_by_role("alert")).to_have_text("somebody else looks at it")


def test_a_refusal_leaves_what_was_written(browser: Browser, service: Service) -> None:
    service.cases = [case(1)]
    with console(browser, service, "reviews") as page:
        page.get_by_role("button", name="Claim").click()
        page.get_by_label("reject").check()
        page.get_by_label("Reason").fill("another ear")
        service.cases[0]["claimed_by"] = OTHER  # the claim has ended, and another began
        for _ in range(2):
            page.get_by_role("button", name="Record").click()
            expect(page.get_by_role("alert")).to_have_text("somebody else looks at it")
        expect(page.get_by_label("Reason")).to_have_value("another ear")


def test_nobody_who_writes_a_reason_is_disturbed(browser: Browser, service: Service) -> None:
    service.cases = [case(1)]
    with console(browser, service, "reviews") as page:
        page.get_by_role("button", name="Claim").click()
        page.get_by_label("Reason").fill("half a")
        service.cases.append(case(2))
        page.clock.run_for(5000)
        expect(cases(page)).to_have_count(2)
        expect(page.get_by_label("Reason")).to_have_value("half a")
        expect(page.get_by_role("status")).to_have_text("1 more to review")
