"""The console in a browser: what people see of decisions, providers, the journal and keys."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from browsers import chromium, needs_browser, opened
from consoles import KEY, Service, console, key, row
from facegate.gateway import serving

pytestmark = [pytest.mark.slow, needs_browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def service() -> Service:
    return Service()


def test_a_key_opens_the_console_and_another_does_not(browser: Browser, service: Service) -> None:
    with serving(service.app) as url, opened(browser, f"{url}/console") as page:
        page.get_by_label("Key").fill("fg_somebody")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("alert")).to_have_text("no such key")
        page.get_by_label("Key").fill(KEY)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Decisions")
        page.reload()
        expect(page.get_by_text("Review team")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Key")).to_be_focused()
        page.reload()
        expect(page.get_by_label("Key")).to_be_visible()


def test_where_there_are_no_keys_nobody_signs_in(browser: Browser, service: Service) -> None:
    service.keyless = True
    with serving(service.app) as url, opened(browser, f"{url}/console") as page:
        expect(page.get_by_role("heading", level=1)).to_have_text("Decisions")
        expect(page.get_by_role("button", name="Sign out")).to_have_count(0)


def test_a_decision_shows_with_the_next_look(browser: Browser, service: Service) -> None:
    with console(browser, service) as page:
        expect(page.get_by_text("No decision yet.")).to_be_visible()
        service.rows = [row(1)]
        page.clock.run_for(2000)
        expect(page.get_by_role("link", name="order-1")).to_be_visible()
        expect(page.get_by_text("No decision yet.")).to_have_count(0)
        service.rows += [row(2, decision="reject", final="reject"), row(3)]
        page.clock.run_for(2000)
        expect(page.locator("tbody th")).to_have_text([f"2026-03-02 09:00:0{n}" for n in (3, 2, 1)])
        expect(page.get_by_role("status")).to_have_text("2 new")


def test_older_ones_are_shown_on_demand(browser: Browser, service: Service) -> None:
    service.rows = [row(seq) for seq in range(1, 121)]
    with console(browser, service) as page:
        lines = page.locator("tbody tr")
        expect(lines).to_have_count(50)
        page.get_by_role("button", name="Show older ones").click()
        expect(lines).to_have_count(100)
        page.get_by_role("button", name="Show older ones").click()
        expect(lines).to_have_count(120)
        expect(page.get_by_role("button", name="Show older ones")).to_be_hidden()


def test_a_tab_that_slept_shows_the_newest_ones_alone(browser: Browser, service: Service) -> None:
    service.rows = [row(1)]
    with console(browser, service) as page:
        expect(page.locator("tbody tr")).to_have_count(1)
        service.rows += [row(seq) for seq in range(2, 400)]
        page.clock.run_for(2000)
        expect(page.locator("tbody tr")).to_have_count(50)
        expect(page.locator("tbody a").first).to_have_text("order-399")


def test_a_filter_leaves_what_fits(browser: Browser, service: Service) -> None:
    service.rows = [row(1), row(2, decision="reject", provider="backup"), row(3, provider="backup")]
    with console(browser, service) as page:
        page.get_by_text("Filter").click()
        page.get_by_label("Decision").select_option("reject")
        page.get_by_label("Provider").fill("backup")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("tbody a")).to_have_text(["order-2"])
        expect(page).to_have_url(re.compile(r"#/decisions\?decision=reject&provider=backup$"))
        service.rows.append(row(4))
        page.clock.run_for(2000)
        expect(page.locator("tbody a")).to_have_text(["order-2"])
        page.get_by_role("button", name="Show all").click()
        expect(page.locator("tbody a")).to_have_count(4)


def test_a_person_who_is_looked_for_is_in_no_address(browser: Browser, service: Service) -> None:
    service.rows = [row(1), row(2)]
    service.people = {"user-81 ä": "order-2"}
    with console(browser, service) as page:
        page.get_by_text("Filter").click()
        page.get_by_label("Person").fill("user-81 ä")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("tbody a")).to_have_text(["order-2"])
        assert "user-81" not in page.url
        assert not [each for each in service.asked if "user-81" in each]


def test_a_decision_is_told_whole(browser: Browser, service: Service) -> None:
    service.rows = [row(1, decision="review", final="reject", review="done", match_score=0.69)]
    with console(browser, service) as page:
        page.get_by_role("link", name="order-1").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Decision order-1")
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        expect(page.locator(".headline").first).to_have_text("? review then ✕ reject")
        drawn = [each.text_content() for each in page.locator("svg title").all()]
        assert "match score 0.69, threshold 0.7" in drawn
        first = page.get_by_role("table", name="Attempts").locator("tbody tr").first
        expect(first).to_contain_text("ProviderTimeout")
        link = page.get_by_role("link", name="Open the case")
        expect(link).to_have_attribute("href", "https://kyc.example/case/81")
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(page.get_by_role("table", name="Labels")).to_contain_text("an impostor")
        expect(page.get_by_role("table", name="Labels")).to_contain_text("taken back")
        expect(page.get_by_role("link", name="order-1.2")).to_be_visible()


def test_a_request_that_is_not_there_is_said_in_words(browser: Browser, service: Service) -> None:
    with console(browser, service, "decisions/order-9") as page:
        expect(page.get_by_role("alert")).to_have_text("no request is called 'order-9'")


def test_a_key_is_shown_once(browser: Browser, service: Service) -> None:
    with console(browser, service, "keys") as page:
        page.get_by_label("Name", exact=True).fill("onboarding")
        page.get_by_label("verify").check()
        page.get_by_role("textbox", name="Routes").fill("kyc, backup")
        page.get_by_label("At once").fill("40")
        page.get_by_label("Budget").fill("200/day")
        page.get_by_role("button", name="Make the key").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("fg_cccccccccccc_secret")
        dialog.get_by_role("button", name="I have it").click()
        expect(page.get_by_text("fg_cccccccccccc_secret")).to_have_count(0)
        expect(page.get_by_role("row", name="onboarding")).to_be_visible()
        made = service.keys[-1]
        assert (made["scopes"], made["routes"], made["at_once"]) == (
            ["verify"],
            ["kyc", "backup"],
            40,
        )


def test_a_refusal_leaves_the_form_as_it_was(browser: Browser, service: Service) -> None:
    with console(browser, service, "keys") as page:
        page.get_by_label("Name", exact=True).fill("onboarding")
        page.get_by_label("Rate").fill("often")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("alert")).to_have_text("rate: give one such as 20/second")
        expect(page.get_by_label("Rate")).to_have_value("often")


def test_a_key_is_revoked_after_a_question(browser: Browser, service: Service) -> None:
    service.keys.append(key("onboarding", "cccccccccccc"))
    with console(browser, service, "keys") as page:
        line = page.get_by_role("row", name="onboarding")
        line.get_by_role("button", name="Revoke").click()
        page.get_by_role("button", name="Leave it").click()
        assert not service.keys[-1]["revoked"]
        line.get_by_role("button", name="Revoke").click()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(line).to_contain_text("revoked")
        expect(line.get_by_role("button")).to_have_count(0)


def test_a_key_is_rotated(browser: Browser, service: Service) -> None:
    service.keys.append(key("onboarding", "cccccccccccc"))
    with console(browser, service, "keys") as page:
        page.get_by_role("row", name="onboarding").get_by_role("button", name="Rotate").click()
        page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
        expect(page.get_by_text("fg_cccccccccccc_new")).to_be_visible()


def test_keys_of_the_configuration_are_changed_there(browser: Browser, service: Service) -> None:
    service.keys.append(key("onboarding", "onboarding", home="file", made=None))
    with console(browser, service, "keys") as page:
        line = page.get_by_role("row", name="onboarding")
        expect(line).to_contain_text("in the configuration")
        expect(line.get_by_role("button")).to_have_count(0)


def test_a_session_ends_with_its_key(browser: Browser, service: Service) -> None:
    with console(browser, service) as page:
        service.keys[0]["revoked"] = "2026-03-02T09:15:00Z"
        page.clock.run_for(2000)
        expect(page.get_by_text("The session has ended.")).to_be_visible()
        expect(page.get_by_label("Key")).to_be_focused()
        expect(page.get_by_role("navigation").get_by_role("link")).to_have_count(0)


def test_a_journal_is_verified_before_ones_eyes(browser: Browser, service: Service) -> None:
    with console(browser, service, "journal") as page:
        expect(page.get_by_text("10,000")).to_be_visible()
        page.get_by_role("button", name="Verify all records").click()
        expect(page.locator(".good")).to_have_text("✓ The chain holds.")
        expect(page.get_by_text("This proves that nobody without the key")).to_be_visible()
        service.problems = ["record 81 was changed"]
        page.get_by_label("Earlier head").fill("81:1f2e")
        page.get_by_role("button", name="Verify all records").click()
        expect(page.locator(".notice")).to_have_text("✕ The chain does not hold.")
        expect(page.get_by_text("record 81 was changed")).to_be_visible()


def test_a_trial_is_read_in_its_statements(browser: Browser, service: Service) -> None:
    with console(browser, service, "trial") as page:
        expect(page.locator(".headline")).to_contain_text("new accepts 2.1 points more people")
        expect(page.locator(".badges li")).to_have_count(2)
        expect(page.get_by_role("table", name="People")).to_contain_text("94.1 %")
        service.trial = None
        page.reload()
        expect(page.get_by_text("the route is on no trial")).to_be_visible()


def test_providers_say_what_keeps_them(browser: Browser, service: Service) -> None:
    with console(browser, service, "providers") as page:
        expect(page.get_by_role("row", name="main")).to_contain_text("left alone")
        expect(page.get_by_role("row", name="main")).to_contain_text("ran out")
        expect(page.get_by_role("row", name="backup")).to_contain_text("facegate models pull")


def test_a_route_shows_who_would_be_asked(browser: Browser, service: Service) -> None:
    with console(browser, service, "routes") as page:
        nodes = page.locator(".node.asked")
        expect(nodes).to_contain_text(["trial", "steady", "main", "new", "candidate"])
        expect(page.locator(".tree")).to_contain_text(["90\u00a0%", "candidate"])
