"""A service that keeps watch over its providers' models, and tells how they stand."""

from __future__ import annotations

import json
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from canaries import GENUINE, Roost, changed
from facegate import ConfigurationError
from facegate.config import Config
from facegate.gateway import serving
from facegate.gateway.service import Service
from facegate.gateway.settings import ServeSettings
from facegate.journal import Journal
from installed import Site
from natives import bearer, body, key
from service import process, url_in

pytestmark = pytest.mark.slow

SERVED = "[serve]\nsentinel = true\n[serve.api]\n"
HELD = """
import threading
from facegate.plugin import *

asking, going_on = threading.Event(), threading.Event()

class Held(BlockingProvider[ProviderSettings]):
    settings_type = ProviderSettings
    info = ProviderInfo(
        plugin="held",
        lineage="held-1",
        handling=Handling("nobody", keeps=Kept.NOTHING, enrols=False, searches=False, trains=False),
        formats=frozenset(ImageFormat),
        match=ScoreSpec(Scale(name="held"), 0.5),
    )

    def compare(self, request):
        asking.set()
        going_on.wait(60)
        return Answer(self.info.match.match(0.6, request.threshold))

@hookimpl
def facegate_providers():
    return [Held]
"""


@pytest.fixture
def roost(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Roost:
    roost = Roost(here, site, capsys)
    roost.configure(more=SERVED)
    return roost


@contextmanager
def served(roost: Roost) -> Iterator[httpx.Client]:
    """A client of the service in this process."""
    with (
        serving(service_of(roost).app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        yield client


def service_of(roost: Roost, *, local: bool = True) -> Service:
    loaded = roost.config
    return Service.of(loaded, ServeSettings.of(loaded), local=local)


def running(roost: Roost, *arguments: str) -> AbstractContextManager[tuple[Any, list[str]]]:
    """The service as a process of its own, which finds the vendor where it was installed."""
    installed = {"FACEGATE_PLUGINS": "moody", "PYTHONPATH": str(roost.folder.parent)}
    return process(roost.folder, *arguments, **installed)


def make_due(roost: Roost) -> None:
    """Let the next round be due."""
    with closing(sqlite3.connect(roost.folder / "journal.db")) as database, database:
        database.execute("UPDATE facegate_turns SET asked = 0")


# The watch


@pytest.mark.parametrize("workers", [1, 2])
def test_a_service_notices_a_change_by_itself(roost: Roost, workers: int) -> None:
    roost.configure(more=f"[telemetry]\nprometheus = true\nstructlog = true\n{SERVED}")
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine=0.53)
    make_due(roost)
    with (
        running(roost, "--workers", str(workers)) as (run, said),
        httpx.Client(base_url=url_in(said), trust_env=False, timeout=60) as client,
    ):
        line = next(line for line in run.stderr if "facegate.model_changed" in line)
        assert json.loads(line)["level"] == "error"
        (standing,) = client.get("/v1/sentinel").json()["providers"]
        (period,) = standing["periods"]
        assert [each["part"] for each in period["rounds"]] == ["watch", "repeat", "repeat"]
        while 'facegate_sentinel_alarm{provider="main"} 1.0' not in client.get("/metrics").text:
            pass
        lines = [line for line in client.get("/metrics").text.splitlines() if "canaries" in line]
        (count,) = [line for line in lines if line.startswith("facegate_canaries_total{")]
        assert count == 'facegate_canaries_total{error="",outcome="answered",provider="main"} 12.0'
        (told,) = client.get("/v1/providers").json()["providers"]
        assert told["changed"] == standing["changed"]
        assert told["hour"]["requests"] == 0
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)
        assert run.returncode == 0


def test_a_round_is_given_up_where_the_service_ends(here: Path, site: Site, capsys: Any) -> None:
    roost = Roost(here, site, capsys)
    roost.write({"genuine": ("genuine", GENUINE)})
    held: Any = import_module(site.install("held", HELD))
    (here / "facegate.toml").write_text(
        f"""
        [providers.main]
        plugin = "held"
        [journal]
        url = "sqlite:///{here / "journal.db"}"
        [sentinel]
        canaries = "canaries.csv"
        providers = ["main"]
        {SERVED}
        """
    )
    held.going_on.set()
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    make_due(roost)
    service = service_of(roost)
    held.going_on = service.leaving
    held.asking.clear()
    with serving(service.app):
        assert held.asking.wait(60)
    assert "facegate-sentinel" not in {each.name for each in threading.enumerate()}
    with closing(roost.opened()) as sentinel:
        (period,) = sentinel.standing("main").periods
        assert len(period.rounds) == 2
        assert sentinel.journal.rounds.take("main", every_s=86_400)


def test_a_service_cannot_keep_a_watch_that_nothing_describes(tmp_path: Path) -> None:
    (tmp_path / "facegate.toml").write_text("[serve]\nsentinel = true\n")
    loaded = Config.load(tmp_path / "facegate.toml", {})
    with pytest.raises(ConfigurationError, match=r"serve\.sentinel: there is no \[sentinel\]"):
        ServeSettings.of(loaded)


def test_an_operator_is_told_of_a_missing_baseline_and_of_a_change(roost: Roost) -> None:
    (told,) = service_of(roost).findings
    assert "facegate sentinel baseline main" in told
    roost.run("baseline", "--rounds", "2")
    assert service_of(roost).findings == []
    roost.say(genuine=0.53)
    roost.run("run")
    (told,) = service_of(roost).findings
    assert told.startswith("main: its model changed by 20")


def test_after_a_reload_canaries_are_asked_as_requests_are(roost: Roost) -> None:
    other = f'[providers.other]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
    with running(roost) as (run, said):
        url = f"{url_in(said)}/v1/sentinel"

        def watched() -> list[str]:
            told = httpx.get(url, trust_env=False, timeout=60).json()["providers"]
            return [each["provider"] for each in told]

        assert watched() == ["main"]
        roost.configure(more=other + SERVED)
        text = (roost.folder / "facegate.toml").read_text()
        text = text.replace('providers = ["main"]', 'providers = ["main", "other"]')
        (roost.folder / "facegate.toml").write_text(f'default = "main"\n{text}')
        run.send_signal(signal.SIGHUP)
        line = next(line for line in run.stderr if "the configuration" in line)
        assert "was read again" in line
        assert watched() == ["main", "other"]


# What it tells


def test_a_provider_without_a_baseline_stands_nowhere(roost: Roost) -> None:
    with served(roost) as client:
        (standing,) = client.get("/v1/sentinel").json()["providers"]
    assert (standing["provider"], standing["changed"], standing["periods"]) == ("main", None, [])
    assert standing["enough"] == 3 * 365


def test_a_change_is_told_with_what_shows_it_and_what_it_means(roost: Roost) -> None:
    changed(roost)
    with served(roost) as client:
        (standing,) = client.get("/v1/sentinel").json()["providers"]
        assert client.get("/v1/sentinel/main").json() == standing
    (period,) = standing["periods"]
    assert standing["changed"] == period["changed"]
    assert (period["exact"], period["baseline_rounds"], period["watched"]) == (True, 2, 3)
    assert period["alarm"] == period["rounds"][2]
    assert period["alarm"]["changes"] == ["genuine was 0.52 (accept), and is 0.53 (accept)"]
    assert period["alarm"]["materiality"]["verdict"] == "no decision changes"
    assert standing["cost"] == pytest.approx(5 * 4 * 0.05)


def test_a_provider_that_is_left_is_drawn_as_left(roost: Roost) -> None:
    roost.configure(sentinel='on_alarm = "leave"', more=SERVED)
    changed(roost)
    with served(roost) as client:
        assert client.post("/v1/compare", json=body()).status_code == 503
        (route,) = client.get("/v1/routes").json()["routes"]
        (provider,) = client.get("/v1/providers").json()["providers"]
    assert route["tree"]["asked_now"] is False
    assert provider["resting"] == provider["operations"]


def test_the_list_has_the_newest_rounds_alone(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.run("run")
    with closing(roost.opened()) as sentinel:
        last = sentinel.journal.rounds.all("main")[-1]
        for _ in range(100):
            sentinel.journal.rounds.append("main", [last.detail])
    with served(roost) as client:
        (standing,) = client.get("/v1/sentinel").json()["providers"]
        whole = client.get("/v1/sentinel/main").json()
    (listed,), (period,) = standing["periods"], whole["periods"]
    assert (len(listed["rounds"]), len(period["rounds"])) == (100, 101)
    assert listed["watched"] == period["watched"] == 101
    assert listed["rounds"][-1] == period["rounds"][-1]


def test_a_provider_that_nobody_watches_is_not_there(roost: Roost) -> None:
    with served(roost) as client:
        for method, path in (("GET", ""), ("POST", "/acceptance")):
            said = client.request(
                method, f"/v1/sentinel/elsewhere{path}", json={"reason": "it is fine"}
            )
            assert (said.status_code, said.json()["code"]) == (404, "NotWatched")


def test_where_nobody_watches_the_list_is_empty(roost: Roost) -> None:
    text = (roost.folder / "facegate.toml").read_text()
    without = text[: text.index("[sentinel]")] + "[serve.api]\n"
    (roost.folder / "facegate.toml").write_text(without)
    with served(roost) as client:
        assert client.get("/v1/sentinel").json() == {"providers": []}
        assert client.get("/v1/sentinel/main").status_code == 404
        assert client.get("/v1/providers").json()["providers"][0]["changed"] is None


def test_a_key_sees_the_providers_of_its_routes_and_only_an_admin_accepts(roost: Roost) -> None:
    other = f'[providers.other]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
    roost.configure(more=f'{other}{SERVED}routes = ["other"]\n')
    path = roost.folder / "facegate.toml"
    path.write_text(f'default = "main"\n{path.read_text()}')
    changed(roost)
    service = service_of(roost, local=False)
    assert service.native is not None
    journal = service.native.journal
    assert isinstance(journal, Journal)
    reader = bearer(key(journal, "decisions:read", routes=["main"]))
    elsewhere = bearer(key(journal, "decisions:read", routes=["other"]))
    with (
        serving(service.app) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        told = client.get("/v1/sentinel", headers=reader).json()
        assert [each["provider"] for each in told["providers"]] == ["main"]
        assert client.get("/v1/sentinel", headers=elsewhere).json() == {"providers": []}
        accept, why = "/v1/sentinel/main/acceptance", {"reason": "it is fine"}
        assert client.post(accept, json=why, headers=reader).status_code == 403
        assert client.get("/v1/sentinel/main", headers=elsewhere).status_code == 404


# Acceptance


def accepted(client: httpx.Client) -> list[Any]:
    said = client.post("/v1/sentinel/main/acceptance", json={"reason": "checked by risk"})
    assert said.status_code == 200, said.text
    return [json.loads(line) for line in said.text.splitlines()]


def test_an_accepted_model_begins_a_new_period(roost: Roost) -> None:
    changed(roost)
    with served(roost) as client:
        lines = accepted(client)
        assert [line["state"] for line in lines] == ["running"] * 80 + ["done"]
        assert (lines[0]["done"], lines[-2]["done"], lines[-2]["of"]) == (1, 80, 80)
        standing = lines[-1]["standing"]
        assert standing["changed"] is None
        assert standing["periods"][-1]["reason"] == "checked by risk"
        assert client.get("/v1/sentinel/main").json()["periods"] == standing["periods"]


def test_what_did_not_change_cannot_be_accepted(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    with served(roost) as client:
        said = client.post("/v1/sentinel/main/acceptance", json={"reason": "it is fine"})
        assert (said.status_code, said.json()["code"]) == (409, "NothingToAccept")
        said = client.post("/v1/sentinel/main/acceptance", json={"reason": ""})
        assert said.status_code == 400


def test_an_acceptance_that_fails_says_so_and_the_alarm_stands(roost: Roost) -> None:
    changed(roost)
    roost.say(genuine="down")
    with served(roost) as client:
        last = accepted(client)[-1]
        assert (last["state"], last["standing"]) == ("failed", None)
        assert "no answer to canary genuine (ProviderUnavailable)" in last["problem"]
        assert client.get("/v1/sentinel/main").json()["changed"]
