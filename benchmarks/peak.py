"""How much memory one comparison takes, in a process that has done nothing else. Linux only.

``python benchmarks/peak.py WAY NAME URL PROBE GALLERY`` prints the most bytes that this process
held at once, beyond what it held before it read the two picture files.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from inspect import isawaitable
from pathlib import Path
from typing import Any

from callers import Pair, calls, photo, prepared


async def peak(way: str, name: str, url: str, *files: str) -> int:
    """Bytes, pictures included."""
    async with AsyncExitStack() as opened:
        call = (await calls(way, url, opened))[name]
        await ask(call, name, (photo(2000), photo(2000)))  # loads what is loaded once
        before = start()
        await ask(call, name, taken(*files))
    return held("VmHWM") - before


async def ask(call: Any, name: str, pair: Pair) -> None:
    """One comparison."""
    outcome = call(prepared(name, pair))
    if isawaitable(outcome):
        await outcome


def taken(probe: str, gallery: str) -> Pair:
    """Both pictures, each read without a second copy of it."""
    return Path(probe).read_bytes(), Path(gallery).read_bytes()


def start() -> int:
    """Forget the peak so far; bytes held now."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")
    return held("VmRSS")


def held(what: str) -> int:
    """Bytes, by the name that the system has for them."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition(f"{what}:")[2].split()[0]) * 1024


if __name__ == "__main__":
    print(asyncio.run(peak(*sys.argv[1:])))
