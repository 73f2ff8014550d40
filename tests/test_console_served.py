"""The console of a service that really runs: its own journal, its own keys, one process or two."""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from acme import DOCUMENT, PROBE
from browsers import chromium, needs_browser, opened
from installed import Site
from service import process, url_in

pytestmark = [pytest.mark.slow, needs_browser]

TESTS = Path(__file__).parent
PLUGIN = """
import sys
sys.path.append({tests!r})
from configured import Acme
from facegate.plugin import hookimpl

@hookimpl
def facegate_providers():
    return [Acme]
"""
CONFIGURATION = """
default = "kyc"

[providers.main]
plugin = "acme"
score = 0.69
threshold = 0.7
review_from = 0.6
cost = 0.05

[routes.kyc]
failover = ["main"]

[journal]
url = "sqlite:///{journal}"
subject_key = "a key of the tests, long enough"

[serve.api]
console = true
case_url = "https://kyc.example/{{request_id}}"
"""
SCOPES = ("verify", "decisions:read", "review", "admin")


@dataclass
class Served:
    """A service, and a key of it."""

    folder: Path
    url: str
    key: str

    def ask(self, request_id: str, subject: str) -> None:
        """Ask for a comparison that is a near miss."""
        probe, document = (base64.b64encode(each).decode() for each in (PROBE, DOCUMENT))
        body = {"probe": probe, "gallery": [document], "subject": subject}
        headers = {"x-api-key": self.key, "x-request-id": request_id}
        url = f"{self.url}/v1/compare"
        reply = httpx.post(url, json=body, headers=headers, trust_env=False, timeout=60)
        assert reply.json()["decision"] == "review"


def keys(folder: Path, *arguments: str) -> str:
    """What ``facegate keys`` prints."""
    command = [sys.executable, "-m", "facegate", "keys", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(params=[(), ("--workers", "2")], ids=["one process", "two processes"])
def served(request: Any, site: Site, tmp_path: Path) -> Iterator[Served]:
    site.install("acme", PLUGIN.format(tests=str(TESTS)))
    text = CONFIGURATION.format(journal=tmp_path / "journal.db")
    (tmp_path / "facegate.toml").write_text(text, encoding="utf-8")
    scopes = [each for scope in SCOPES for each in ("--scope", scope)]
    found = re.search(r"fg_\w+", keys(tmp_path, "create", "Reviewer", *scopes))
    assert found is not None
    with process(tmp_path, *request.param, FACEGATE_PLUGINS="acme") as (_, said):
        yield Served(tmp_path, url_in(said), found[0])


def test_a_reviewers_morning(served: Served) -> None:
    served.ask("order-1", "jürgen@example")
    with chromium() as browser, opened(browser, f"{served.url}/console") as page:
        page.get_by_label("Key").fill(served.key)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="order-1")).to_be_visible()
        served.ask("order-2", "user-2")
        page.clock.run_for(2000)
        expect(page.locator("tbody a")).to_have_text(["order-2", "order-1"])
        page.get_by_text("Filter").click()
        page.get_by_label("Person").fill("jürgen@example")
        page.get_by_role("button", name="Show", exact=True).click()
        expect(page.locator("tbody a")).to_have_text(["order-1"])
        page.get_by_role("link", name="Reviews").click()
        case = page.locator(".cases > li").first
        case.focus()
        page.keyboard.press("c")
        expect(case).to_contain_text("Yours until")
        page.keyboard.press("r")
        page.keyboard.type("another ear")
        page.get_by_label("What it was").select_option("impostor")
        page.get_by_role("button", name="Record").click()
        expect(case).to_contain_text("Your verdict: reject.")
        page.goto(f"{served.url}/console/#/decisions/order-1")
        expect(page.locator(".headline")).to_have_text("? review then ✕ reject")
        expect(page.get_by_role("table", name="Labels")).to_contain_text("an impostor")
        page.get_by_role("link", name="Providers").click()
        expect(page.get_by_role("row", name="main")).to_contain_text("in service")
        page.get_by_role("link", name="Routes").click()
        expect(page.locator(".node.asked").first).to_be_visible()
        page.get_by_role("link", name="Journal").click()
        page.get_by_role("button", name="Verify all records").click()
        expect(page.locator(".good")).to_have_text("✓ The chain holds.")
        page.get_by_role("link", name="Keys").click()
        expect(page.get_by_role("row", name="Reviewer")).to_contain_text("good")
        page.get_by_role("link", name="Trial").click()
        expect(page.get_by_text("A trial begins with split or shadow in a route.")).to_be_visible()
        keys(served.folder, "revoke", served.key.split("_")[1])
        while page.get_by_label("Key").count() == 0:  # a process may go by what it knows a while
            page.reload()
            expect(page.get_by_role("heading", level=1)).to_be_visible()
