"""``facegate batch run --on``: workers of clusters, killed one after the other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from shutil import which
from socket import gethostname

import pytest

from batches import Desk, result, status
from clusters import (
    PLUGIN,
    RAY,
    Fate,
    Killing,
    Vendor,
    dask_scheduler,
    dask_workers,
    free_port,
    ray_head,
)
from installed import Site

AT_ONCE = 5
ROWS = 300
RUN = ("run", "pairs.csv", "--at-once", str(AT_ONCE), "--chunk", "50")
TWO = (*RUN, "--workers", "2", "--out", "job", "--on")
PAIRS = list(combinations(range(25), 2))[:ROWS]
SAME = "* EXCLUDE (seconds, request_id)"


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with Vendor() as vendor:
        yield vendor


@pytest.fixture
def desk(
    here: Path, site: Site, capsys: pytest.CaptureFixture[str], vendor: Vendor
) -> Iterator[Desk]:
    site.install("distant", PLUGIN)
    desk = Desk(here, site, capsys)
    configure(desk, vendor)
    desk.pairs(ROWS)
    yield desk
    desk.close()


def site_of(desk: Desk) -> str:
    """Where the desk's plugins are installed."""
    return str(desk.folder.parent)


def configure(desk: Desk, vendor: Vendor, more: str = "") -> None:
    (desk.folder / "facegate.toml").write_text(
        f"[providers.main]\nplugin = 'distant'\nbase_url = '{vendor.url}'\ncost = 0.05\n{more}"
    )


def ending(pid: int, call: int) -> Fate:
    """End a group of processes at a call."""

    def end(number: int, _pid: int) -> bool:
        if number < call:
            return False
        os.killpg(pid, signal.SIGKILL)
        return True

    return end


def is_whole(desk: Desk, vendor: Vendor, at_most_twice: int) -> bool:
    """Whether nothing was lost, no more asked twice, and the result is an undisturbed job's."""
    assert len(vendor.calls) == ROWS
    assert vendor.asked_twice <= at_most_twice
    # Whether a row was asked a moment before a kill, or about to be, nobody can tell.
    assert vendor.asked_twice <= status(desk)["perhaps_charged_twice"] <= at_most_twice
    assert desk.run(*RUN, "--out", "undisturbed")[0] == 0
    return result(desk, SAME) == result(desk, SAME, "undisturbed")


@pytest.mark.slow
def test_killed_workers_and_a_killed_scheduler_of_dask_lose_nothing(
    desk: Desk, vendor: Vendor
) -> None:
    pytest.importorskip("distributed")
    killing = Killing(vendor)
    with dask_scheduler() as (scheduler, address), dask_workers(address, site_of(desk)):
        vendor.fates = [killing.at(30), killing.at(90), ending(scheduler, 180)]
        code, _, err = desk.fated("", *TWO, f"dask://{address}")
        assert (code, "the same command goes on" in err) == (5, True), err
        assert len(killing.killed) == 2
        assert not vendor.fates
    port = int(address.rpartition(":")[2])
    with dask_scheduler(port) as (_, address), dask_workers(address, site_of(desk)):
        code, _, err = desk.fated("", *TWO, f"dask://{address}")
    assert code == 0, err
    # Two workers were killed, and two had rows in flight when the scheduler was.
    assert is_whole(desk, vendor, 4 * AT_ONCE)


@pytest.mark.slow
def test_killed_workers_of_ray_lose_nothing(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    for name, value in RAY.items():
        monkeypatch.setenv(name, value)
    killing = Killing(vendor)
    vendor.fates = [killing.at(30), killing.at(90)]
    code, _, err = desk.fated("", *TWO, "ray")
    assert code == 0, err
    assert len(killing.killed) == 2
    assert is_whole(desk, vendor, 2 * AT_ONCE)


@pytest.mark.slow
def test_a_job_that_lost_its_ray_goes_on_here(
    desk: Desk, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    for name, value in RAY.items():
        monkeypatch.setenv(name, value)
    with ray_head(site_of(desk)) as (head, address):
        vendor.fates = [ending(head, 100)]
        code, _, err = desk.fated("", *TWO, f"ray://{address}")
        assert (code, "the same command goes on" in err) == (5, True), err
    assert not vendor.fates
    code, _, err = desk.fated("", *RUN, "--out", "job")
    assert code == 0, err
    assert is_whole(desk, vendor, 2 * AT_ONCE)


@pytest.mark.slow
def test_a_job_goes_from_this_machine_to_dask_and_back(desk: Desk, vendor: Vendor) -> None:
    pytest.importorskip("distributed")
    assert desk.fated("", *RUN, "--out", "job", "--most", "4")[0] == 3
    assert desk.fated("", *TWO, "dask", "--most", "8")[0] == 3
    assert 80 < vendor.calls.total() <= 160
    assert len(vendor.pids) == 3
    assert desk.fated("", *RUN, "--out", "job")[0] == 0
    assert is_whole(desk, vendor, 0)


@pytest.mark.slow
def test_an_interrupted_run_waits_for_what_is_in_flight_on_dask(desk: Desk, vendor: Vendor) -> None:
    """As by a terminal, which tells all processes of the command."""
    pytest.importorskip("distributed")

    def interrupt(number: int, pid: int) -> bool:
        if number < 60:
            return False
        os.killpg(os.getpgid(pid), signal.SIGINT)
        return True

    vendor.fates = [interrupt]
    code, _, err = desk.fated("", *TWO, "dask")
    assert code == 130, err
    assert status(desk)["answered_or_failed"] == vendor.calls.total() < ROWS
    assert desk.fated("", *RUN, "--out", "job")[0] == 0
    assert is_whole(desk, vendor, 0)


@pytest.mark.slow
def test_what_a_killed_run_left_on_a_cluster_asks_no_more_once_another_has_begun(
    desk: Desk, vendor: Vendor
) -> None:
    pytest.importorskip("distributed")

    def kill_the_run(number: int, _pid: int) -> bool:
        if number < 60:
            return False
        holder = json.loads((desk.folder / "job" / "runs" / "000001.json").read_bytes())
        os.kill(holder["pid"], signal.SIGKILL)
        return True

    vendor.fates = [kill_the_run]
    with dask_scheduler() as (_, address), dask_workers(address, site_of(desk)):
        assert desk.fated("", *TWO, f"dask://{address}")[0] == -signal.SIGKILL
        code, _, err = desk.fated("", *TWO, f"dask://{address}")
    assert code == 0, err
    assert is_whole(desk, vendor, 2 * AT_ONCE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("distribution", "message"),
    [
        ("facegate", "facegate is 9.9 on {host}, and {version} here"),
        ("facegate_distant", "version of plugin distant is 9.9 there, and 1.0 where the job began"),
    ],
)
def test_a_worker_with_other_software_is_named_before_anything_is_asked(
    desk: Desk, vendor: Vendor, distribution: str, message: str
) -> None:
    pytest.importorskip("distributed")
    other = desk.folder / "other"
    about = other / f"{distribution}-9.9.dist-info"
    about.mkdir(parents=True)
    name = distribution.replace("_", "-")
    (about / "METADATA").write_text(f"Name: {name}\nVersion: 9.9\n")
    (about / "entry_points.txt").write_text("[facegate]\ndistant = fake_facegate_distant\n")
    path = f"{other}{os.pathsep}{site_of(desk)}"
    with dask_scheduler() as (_, address), dask_workers(address, path, count=1):
        code, _, err = desk.fated("", *TWO, f"dask://{address}")
    assert code == 5
    assert message.format(host=gethostname(), version=version("facegate")) in err
    assert not vendor.calls


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hide", "message"),
    [
        ("cp -r job copy && mount --bind copy job", "job is not there, or is another folder"),
        ("mount -t tmpfs none faces", "faces/all is not there, and pictures are in it"),
    ],
)
def test_a_worker_that_shares_no_storage_is_named_before_anything_is_asked(
    desk: Desk, vendor: Vendor, hide: str, message: str
) -> None:
    """Even where its folder looks the same, as it is a copy."""
    pytest.importorskip("distributed")
    unshare = which("unshare")
    if unshare is None or subprocess.call([unshare, "-rm", "true"]):
        pytest.skip("nothing can be hidden from a process here")
    (desk.folder / "faces" / "all").mkdir(parents=True)
    for name in desk.pictures(25):
        Path(name).rename(f"faces/all/{name}")
    pairs = [(f"faces/all/{a:03}.png", f"faces/all/{b:03}.png") for a, b in PAIRS]
    desk.write("pairs.csv", ("probe", "gallery"), pairs)
    assert desk.run(*RUN, "--out", "job", "--most", "1")[0] == 3
    before = vendor.calls.total()
    within = (unshare, "-rm", "sh", "-c", f'{hide} && exec "$@"', "sh")
    with (
        dask_scheduler() as (_, address),
        dask_workers(address, site_of(desk), count=1, within=within),
    ):
        code, _, err = desk.fated("", *TWO, f"dask://{address}")
    assert code == 5
    assert f"a worker on {gethostname()}: {desk.folder}/{message}" in err
    assert vendor.calls.total() == before


@pytest.mark.slow
def test_a_cluster_without_workers_says_how_to_wait_for_them(desk: Desk, vendor: Vendor) -> None:
    pytest.importorskip("distributed")
    with dask_scheduler() as (_, address):
        code, _, err = desk.fated("", *RUN, "--out", "job", "--on", f"dask://{address}")
    assert (code, "has no workers yet" in err, "--workers" in err) == (5, True, True)


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_an_address_that_nobody_answers_at_is_named(desk: Desk, kind: str) -> None:
    pytest.importorskip({"dask": "distributed"}.get(kind, kind))
    on = f"{kind}://127.0.0.1:{free_port()}"
    code, _, err = desk.run(*TWO, on)
    assert (code, f"nobody answers at {on} (Connection refused)" in err) == (5, True)


@pytest.mark.parametrize("kind", ["dask", "ray"])
def test_an_engine_that_is_not_installed_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    for name in ("distributed", "ray"):
        monkeypatch.setitem(sys.modules, name, None)
    code, _, err = desk.run(*TWO, kind)
    assert (code, f'pip install "facegate[{kind}]"' in err) == (5, True)


@pytest.mark.parametrize("on", ["spark://here:7077", "dask://here", "dask://:1", "ray:", "dask://"])
def test_an_engine_that_is_not_there_is_refused_with_those_that_are(desk: Desk, on: str) -> None:
    code, _, err = desk.run(*TWO, on)
    assert code == 2
    assert f"no engine {on!r}; there are: dask, dask://HOST:PORT, ray, ray://HOST:PORT" in err
    assert not (desk.folder / "job").exists()


def test_limits_that_are_not_shared_are_refused_on_any_cluster(desk: Desk, vendor: Vendor) -> None:
    configure(desk, vendor, "[limits.main]\nconcurrency = 2\n")
    code, _, err = desk.run(*RUN, "--out", "job", "--workers", "1", "--on", "dask://127.0.0.1:1")
    assert (code, "set limits.main.shared" in err) == (5, True)


def test_all_pairs_by_templates_are_refused_on_any_cluster(desk: Desk) -> None:
    (desk.folder / "facegate.toml").write_text("[providers.main]\nplugin = 'local'\n")
    desk.write("images.csv", ("image",), [(name,) for name in desk.pictures(3)])
    code, _, err = desk.run("run", "--all-pairs", "images.csv", "--out", "job", "--on", "dask")
    assert (code, "leave --workers and --on away" in err) == (2, True)
