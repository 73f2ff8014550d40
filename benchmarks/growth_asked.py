"""What grows with requests, providers and people who are asked about; for ``growth.py``."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from importlib.metadata import EntryPoint
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from journal import median_ms
from pydantic import SecretStr
from sqlalchemy import delete, insert
from used import used

from facegate import AsyncFaceVerifier, FaceVerifier, Image
from facegate.config import Config
from facegate.errors import RateLimited
from facegate.gateway.counters import Counters, RedisCounters, Use
from facegate.gateway.stored import TableCounters
from facegate.journal.schema import uses
from facegate.journal.store import Store
from facegate.opening import Setup, setup
from facegate.providers.registry import Registry
from facegate.testing.pictures import noise
from redises import Redis

Figures = dict[str, float]
"""What was measured, by its name and unit."""

REGISTRY: Final = Registry(EntryPoint(name, name, "facegate") for name in ("instant", "patient"))
PROBE, DOCUMENT = Image.of(noise(1)), Image.of(noise(2))
VENDOR_S: Final = 0.3
PLACES, PLACE_S = 20, 0.1
"""Requests at once that a limit allows, and the seconds that each of them takes."""
HOUR_S: Final = 3600.0


def made(text: str, name: str = "kyc") -> Setup:
    """The arguments of a verifier that a configuration describes."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "facegate.toml"
        file.write_text(text, encoding="utf-8")
        return setup(Config.load(file, {}), REGISTRY, name)


def patient(seconds: float, further: str = "") -> Setup:
    """A route to a vendor that takes so many seconds."""
    return made(
        f'[providers.main]\nplugin = "patient"\nseconds = {seconds}\ndeadline_s = 120\n'
        f'[routes.kyc]\nto = "main"\ndeadline_s = 120\n{further}'
    )


def on_a_loop(count: int) -> Figures:
    """So many requests under way at once, on one event loop."""
    return asyncio.run(_on_a_loop(patient(VENDOR_S), count, VENDOR_S / count))


def waiting(count: int) -> Figures:
    """So many requests at once, of which a limit lets 20 through."""
    limited = patient(PLACE_S, f"[limits.main]\nconcurrency = {PLACES}\n")
    told = asyncio.run(_on_a_loop(limited, count, PLACE_S / PLACES, times=1))
    told["of what 20 places allow"] = told.pop("of the ideal")
    return told


async def _on_a_loop(asked: Setup, count: int, ideal_s: float, times: int = 4) -> Figures:
    async def ask(verifier: AsyncFaceVerifier) -> int:
        answered = 0
        for _ in range(times):
            with suppress(RateLimited):  # it waited for a minute
                await verifier.compare(PROBE, [DOCUMENT])
                answered += 1
        return answered

    async with asked.awaited() as verifier:
        await verifier.compare(PROBE, [DOCUMENT])
        with used() as spent:
            answered = sum(await asyncio.gather(*(ask(verifier) for _ in range(count))))
    return {
        "answered": answered / count / times,
        "a second": answered / spent.seconds,
        "CPU, ms each": 1e3 * spent.cpu_s / answered,
        "MiB": spent.mib,
        "of the ideal": ideal_s * answered / spent.seconds,
    }


def on_threads(count: int) -> Figures:
    """So many requests under way at once, a thread each."""
    times = 4

    def ask(verifier: FaceVerifier) -> None:
        for _ in range(times):
            verifier.compare(PROBE, [DOCUMENT])

    with patient(VENDOR_S).blocking() as verifier, ThreadPoolExecutor(count) as threads:
        verifier.compare(PROBE, [DOCUMENT])
        with used() as spent:
            list(threads.map(ask, [verifier] * count))
    return {
        "a second": count * times / spent.seconds,
        "CPU, ms each": 1e3 * spent.cpu_s / count / times,
        "MiB": spent.mib,
        "of the ideal": VENDOR_S * times / spent.seconds,
    }


def failover(providers: int) -> Figures:
    """A failover of so many providers: the first one answers, or only the last one."""
    return {
        **_failover(providers, down=0, name="ms, the first answers"),
        **_failover(providers, down=providers - 1, name="ms, the last answers"),
    }


def _failover(providers: int, down: int, name: str) -> Figures:
    names = [f"p{number}" for number in range(providers)]
    text = f"[routes.kyc]\nfailover = {names}\n[breaker]\nminimum_calls = 1000000\n"
    for number, each in enumerate(names):
        text += f'[providers.{each}]\nplugin = "instant"\ndown = {str(number < down).lower()}\n'
    with used() as opening:
        asked = made(text)
    seconds = asyncio.run(_in_turn(asked, 100))
    return {"opening, ms": 1e3 * opening.seconds, name: 1e3 * statistics.median(seconds)}


def split(people: int) -> Figures:
    """A split that so many people come to, once each."""
    asked = made(
        '[providers.main]\nplugin = "instant"\n[providers.new]\nplugin = "instant"\n'
        "[routes.kyc]\nsplit = { main = 90, new = 10 }\n"
    )
    with used() as spent:
        seconds = asyncio.run(_in_turn(asked, people))
    return {"ms, median": 1e3 * statistics.median(seconds), "MiB": spent.mib}


async def _in_turn(asked: Setup, people: int) -> list[float]:
    """Seconds of a request about each of so many people, one after the other."""
    seconds = []
    async with asked.awaited() as verifier:
        for number in range(people):
            started = time.perf_counter()
            await verifier.compare(PROBE, [DOCUMENT], subject=f"person {number}")
            seconds.append(time.perf_counter() - started)
    return seconds


def attempts(people: int) -> Figures:
    """A limit of attempts, counted for so many people within the hour."""
    with TemporaryDirectory() as folder:
        kept = Store(f"sqlite:///{folder}/journal.db", durable=False, key=None)
        with closing(kept):
            filled(kept, (f"person:3600:{number:032x}" for number in range(people)))
            told = {"SQLite, ms each": counting(TableCounters(kept), "person", 5)}
            told["SQLite, sweep, ms"] = median_ms(lambda: swept(kept), 5)
        told |= {f"Redis, {name}": value for name, value in _in_redis(folder, people).items()}
    return told


def _in_redis(folder: str, people: int) -> Figures:
    import redis

    server = Redis(Path(folder))
    try:
        counters, raw = RedisCounters(SecretStr(server.url)), redis.Redis.from_url(server.url)
        pipe, ends = raw.pipeline(transaction=False), time.time() + HOUR_S
        for number in range(people):
            pipe.zadd(f"facegate:use:person:3600:{number:032x}", {f"{number:024x}": ends})
            if number % 1000 == 0:
                pipe.execute()
        pipe.execute()
        told = {"ms each": counting(counters, "person", 5)}
        return {**told, "MiB": int(raw.info("memory")["used_memory"]) / 2**20}
    finally:
        server.stop()


def key_rate(uses_so_far: int) -> Figures:
    """The limit of a key's requests a day, of which so many were made and one is left."""
    with TemporaryDirectory() as folder:
        kept = Store(f"sqlite:///{folder}/journal.db", durable=False, key=None)
        with closing(kept):
            filled(kept, ("rate:key" for _ in range(uses_so_far)))
            return {"SQLite, ms each": counting(TableCounters(kept), "rate:key", uses_so_far + 500)}


def counting(counters: Counters, name: str, most: int) -> float:
    """Milliseconds that it takes to count one use more."""
    return median_ms(lambda: counters.take([Use(name, most, HOUR_S)], []), 100)


def filled(store: Store, names: Iterable[str]) -> None:
    """Uses that count for another hour."""
    ends = time.time() + HOUR_S
    rows = [
        {"name": name, "token": f"{number:024x}", "ends": ends + number / 1e4}
        for number, name in enumerate(names)
    ]
    with store.transaction() as connection:
        connection.execute(insert(uses), rows)


def swept(store: Store) -> None:
    """Remove what has ended, as is done once a minute; here nothing has."""
    with store.transaction() as connection:
        connection.execute(delete(uses).where(uses.c.ends <= time.time()))
