"""The console's pictures in the documentation: ``.venv/bin/python docs/_ext/screens.py``.

What they show is made up by the tests' own service, and the machine's Chromium draws it. They are
made anew where the console looks different.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests"))

from browsers import chromium  # noqa: E402  they are no package
from consoles import OTHER, Service, case, console, row  # noqa: E402

FOLDER = ROOT / "docs" / "how-to"
COLOURS = 128
"""Enough for text on a plain ground, at a third of the bytes."""
_METHOD = Image.Quantize.MAXCOVERAGE
"""Keeps colours that are rare apart; signs have them."""
SHOTS = (
    ("decisions", {"width": 1280, "height": 620}),
    ("routes", {"width": 820, "height": 620}),
    ("reviews", {"width": 360, "height": 740}),
)


def service() -> Service:
    """A service on an ordinary morning."""
    made = Service()
    scores = (0.9121, 0.8446, 0.4127, 0.7013, 0.8803, 0.9310, 0.6904, 0.8855, 0.7911, 0.8602)
    for seq, score in enumerate(scores, 1):
        found = "accept" if score >= 0.7 else "review" if score > 0.65 else "reject"
        made.rows.append(
            row(seq, match_score=score, decision=found, final=found, seconds=0.2 + score / 7)
        )
    silent = {"match_score": None, "liveness_score": None, "decision": None, "final": None}
    made.rows.append(row(11, **silent, error_code="ProviderTimeout", seconds=10.0))
    made.rows.append(row(12, provider="backup", match_score=0.7702))
    made.cases = [case(7), case(21, claimed_by=OTHER, claimed_until="2026-03-02T09:20:00Z")]
    return made


def shot(browser: Browser, name: str, size: dict[str, int], scheme: str) -> Image.Image:
    """One page of the console, as somebody works with it."""
    with console(browser, service(), name, viewport=size, color_scheme=scheme) as page:
        page.locator("tbody tr, .tree, .cases > li").first.wait_for()
        if name == "reviews":
            page.get_by_role("button", name="Claim").click()
            page.get_by_label("reject").check()
            page.get_by_label("Reason").fill("another hairline, another ear")
            page.get_by_label("What it was").select_option("impostor")
            page.evaluate("scrollTo(0, 0)")
        return Image.open(io.BytesIO(page.screenshot(full_page=name == "reviews")))


def main() -> None:
    """Make all of them."""
    with chromium() as browser:
        for name, size in SHOTS:
            for scheme in ("light", "dark"):
                drawn = shot(browser, name, size, scheme).convert("RGB").quantize(COLOURS, _METHOD)
                drawn.save(FOLDER / f"console-{name}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
