"""The console for everybody and anywhere: any screen, any name, any key, any network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browsers import chromium, needs_browser, violations
from consoles import HOSTILE, SCOPES, Service, case, console, key, row

pytestmark = [pytest.mark.slow, needs_browser]

PAGES = ["decisions", "reviews", "providers", "routes", "trial", "journal", "keys"]
TELEPHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def service() -> Service:
    return Service()


def hide(page: Page, *, hidden: bool) -> None:
    """Put the tab behind others, or before them."""
    page.evaluate(
        """hidden => {
            Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_hidden_tab_asks_nothing(browser: Browser, service: Service) -> None:
    service.rows = [row(1)]
    with console(browser, service) as page:
        expect(page.locator("tbody tr")).to_have_count(1)
        hide(page, hidden=True)
        before = len(service.asked)
        page.clock.run_for(60_000)
        assert len(service.asked) == before
        service.rows.append(row(2))
        hide(page, hidden=False)
        expect(page.locator("tbody tr")).to_have_count(2)


def test_a_page_stands_still_on_demand(browser: Browser, service: Service) -> None:
    service.rows = [row(1)]
    with console(browser, service) as page:
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Pause").click()
        before = len(service.asked)
        page.clock.run_for(60_000)
        assert len(service.asked) == before
        service.rows.append(row(2))
        page.get_by_role("button", name="Go on").click()
        expect(page.locator("tbody tr")).to_have_count(2)


def test_a_service_that_is_away_is_asked_less_often(browser: Browser, service: Service) -> None:
    service.rows = [row(1)]
    with console(browser, service) as page:
        expect(page.locator("tbody tr")).to_have_count(1)
        page.context.set_offline(True)
        page.clock.run_for(2000)
        expect(page.get_by_text("cannot be reached. Next try in 4 s.")).to_be_visible()
        page.clock.run_for(4000)
        expect(page.get_by_text("Next try in 8 s.")).to_be_visible()
        page.context.set_offline(False)
        service.rows.append(row(2))
        page.clock.run_for(8000)
        expect(page.locator("tbody tr")).to_have_count(2)


def test_it_works_behind_a_path(browser: Browser) -> None:
    service = Service(prefix="/behind/a/proxy")
    service.rows = [row(1)]
    with console(browser, service) as page:
        page.get_by_role("link", name="order-1").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Decision order-1")
        cookies = page.context.cookies()
        assert [each["path"] for each in cookies] == ["/behind/a/proxy/"]


@pytest.mark.parametrize(
    ("scopes", "titles"),
    [
        (SCOPES, [each.capitalize() for each in PAGES]),
        (("review",), ["Reviews"]),
        (("decisions:read",), ["Decisions", "Providers", "Routes", "Trial", "Journal"]),
        (("verify",), []),
    ],
)
def test_what_a_key_may_not_do_is_not_shown(
    browser: Browser, scopes: tuple[str, ...], titles: list[str]
) -> None:
    with console(browser, Service(scopes=scopes)) as page:
        expect(page.get_by_role("navigation").get_by_role("link")).to_have_text(titles)
        expect(page.get_by_role("heading", level=1)).to_have_text([*titles, "No page"][0])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("decisions", "POST /v1/compare"),
        ("reviews", "review_from"),
        ("providers", "[providers.NAME]"),
        ("routes", "No route is configured."),
        ("keys", "Make the first one below."),
    ],
)
def test_an_empty_page_says_what_to_do(browser: Browser, name: str, words: str) -> None:
    service = Service()
    with console(browser, service, name) as page:
        service.providers = service.routes = []
        service.unlisted = True
        page.reload()
        expect(page.locator(".empty")).to_contain_text(words)


def test_hostile_names_are_names(browser: Browser, service: Service) -> None:
    bad = {"provider": HOSTILE, "route": HOSTILE, "caller": HOSTILE, "error_code": HOSTILE}
    service.rows = [row(1, decision=None, **bad)]
    service.cases = [
        case(1, route=HOSTILE, claimed_by=HOSTILE, claimed_until="2099-01-01T00:00:00Z")
    ]
    service.cases[0]["decision"] |= bad
    service.providers = [service.providers[0] | {"name": HOSTILE, "lineage": HOSTILE}]
    service.routes[0]["tree"]["children"][1]["name"] = HOSTILE
    service.keys.append(key(HOSTILE, "cccccccccccc"))
    with console(browser, service, viewport=TELEPHONE) as page:
        for name in (*PAGES, "decisions/order-1"):
            page.goto(f"{page.url.partition('#')[0]}#/{name}")
            expect(page.locator("h1")).to_be_visible()
            if name not in ("trial", "journal"):
                expect(page.get_by_text("<script>document.title").first).to_be_visible()
            assert "owned" not in page.title()
            assert page.locator("img").count() == 0
            assert page.evaluate("document.documentElement.scrollWidth") == TELEPHONE["width"]
            assert "\u202e" not in (page.locator("body").text_content() or "")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everybody_can_use_it(browser: Browser, service: Service, scheme: str) -> None:
    service.rows = [row(1), row(2, decision=None, error_code="ProviderTimeout")]
    service.cases = [case(1), case(2)]
    with console(browser, service, viewport=TELEPHONE, color_scheme=scheme) as page:
        for name in (*PAGES, "decisions/order-1"):
            page.goto(f"{page.url.partition('#')[0]}#/{name}")
            expect(page.locator("tbody tr, .tree, .cases, dl").first).to_be_visible()
            assert not violations(page), name
        page.goto(f"{page.url.partition('#')[0]}#/reviews")
        page.get_by_role("button", name="Claim").first.click()
        expect(page.get_by_role("button", name="Record")).to_be_visible()
        assert not violations(page)
        page.goto(f"{page.url.partition('#')[0]}#/keys")
        page.get_by_role("button", name="Revoke").click()
        assert not violations(page)
        page.get_by_role("button", name="Leave it").click()
        page.get_by_role("button", name="Sign out").click()
        expect(page.get_by_label("Key")).to_be_focused()
        assert not violations(page)


@pytest.mark.parametrize("width", [320, 820, 1440, 3840])
def test_nothing_sticks_out_at_any_width(browser: Browser, service: Service, width: int) -> None:
    service.rows = [row(1)]
    service.cases = [case(1)]
    with console(browser, service, viewport={"width": width, "height": 900}) as page:
        for name in (*PAGES, "decisions/order-1"):
            page.goto(f"{page.url.partition('#')[0]}#/{name}")
            expect(page.locator("tbody tr, .tree, .cases, dl").first).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == width, name
