"""A browser, and pages in it that neither fail unseen nor ask anybody else."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
NOW = "2026-03-02T09:15:00Z"
"""The moment that it is in every page; time passes there when a test says so."""
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_STANDARDS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        with contextlib.closing(browser):
            yield browser


@contextlib.contextmanager
def opened(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """A page at an address; at its end, nothing has failed in it and no other host was asked."""
    with contextlib.closing(browser.new_context(**options)) as context:
        page = context.new_page()
        faults, hosts = watched(context)
        page.clock.install(time=NOW)
        page.goto(url)
        yield page
        assert not faults
        assert hosts == {urlsplit(url).netloc}


def watched(context: BrowserContext) -> tuple[list[str], set[str]]:
    """Lists that fill: errors of scripts and of the browser itself, and hosts that are asked."""
    faults, hosts = list[str](), set[str]()
    context.on("weberror", lambda error: faults.append(str(error.error)))
    context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

    def said(message: Any) -> None:
        # A refusal by the service is told as an error, too.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            faults.append(message.text)

    context.on("console", said)
    return faults, hosts


def violations(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2 AA and good practice, each with its places."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    options = {"runOnly": {"type": "tag", "values": _STANDARDS}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{each['id']}: {node['target']} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    ]
