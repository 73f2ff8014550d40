"""Clusters of real processes on this machine, and a vendor that counts and ends them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from shutil import rmtree

from facegate.testing.server import PendingRequest, Server, message

PLUGIN = '''
import os
from hashlib import sha256
from facegate.plugin import *

SPEC = ScoreSpec(Scale(name="distant"), threshold=0.5)

class Message(WireModel):
    pid: int
    pictures: list[str]

class Reply(WireModel):
    score: float

class Distant(HttpProvider[HttpSettings]):
    """Asks a vendor that is told which process asks."""

    settings_type = HttpSettings
    info = ProviderInfo(
        plugin="distant",
        lineage="distant-1",
        handling=Handling("Distant Ltd", keeps=Kept.NOTHING, enrols=False, searches=False,
                          trains=False, region="eu"),
        formats=frozenset(ImageFormat),
        match=SPEC,
    )

    def compare(self, request):
        pictures = (request.probe, *request.gallery)
        names = [sha256(each.data).hexdigest()[:12] for each in pictures]
        message = Message(pid=os.getpid(), pictures=names)
        reply = yield from self.post("/compare", message, Reply)
        return Answer(SPEC.match(reply.score, request.threshold))

@hookimpl
def facegate_providers():
    return [Distant]
'''

Fate = Callable[[int, int], bool]
"""What is to happen at a call, given its number and the process that asks; true once it has."""


class Vendor(Server):
    """A vendor on loopback. Counts its calls, and has things happen at some.

    Attributes:
        calls: how often it was asked each question.
        pids: how often each process asked.
        fates: what is to happen next, in order.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.pids: Counter[int] = Counter()
        self.fates: list[Fate] = []
        self._counting = threading.Lock()
        super().__init__(self._answer)

    @property
    def asked_twice(self) -> int:
        """How many calls were too many."""
        return self.calls.total() - len(self.calls)

    def _answer(self, line: PendingRequest) -> bool:
        question = line.request.json
        with self._counting:
            self.calls[" ".join(question["pictures"])] += 1
            self.pids[question["pid"]] += 1
            if self.fates and self.fates[0](self.calls.total(), question["pid"]):
                self.fates.pop(0)
        score = int(question["pictures"][0][:6], 16) / 0xFFFFFF
        line.socket.sendall(message(200, {"score": score}))
        return True


class Killing:
    """Ends worker processes, each of two at a call of its own."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self._first: set[int] = set()
        self.killed: list[int] = []

    def at(self, call: int) -> Fate:
        """End the process of that call, or of the next one by a process that began the job."""

        def kill(number: int, pid: int) -> bool:
            if not self._first and len(self._vendor.pids) >= 2:
                self._first = set(self._vendor.pids)
            if number < call or pid not in self._first or pid in self.killed:
                return False
            self.killed.append(pid)
            os.kill(pid, signal.SIGKILL)
            return True

        return kill


@contextmanager
def _process(*command: str, until: str, **environ: str) -> Iterator[tuple[int, str]]:
    """A process in a group of its own, once it has said something; gives its id, and the line."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environ},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if re.search(until, line):
                break
        else:
            raise AssertionError("".join(said))
        rest = threading.Thread(target=process.stdout.read)
        rest.start()
        yield process.pid, line
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        rest.join()
        process.stdout.close()


@contextmanager
def dask_scheduler(port: int = 0) -> Iterator[tuple[int, str]]:
    """A scheduler of Dask; gives its process and its address."""
    options = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard")
    with _process(*_DASK, "scheduler", *options, until="Scheduler at:") as (pid, line):
        yield pid, line.rpartition("//")[2].strip()


@contextmanager
def dask_workers(
    address: str, path: str, count: int = 2, within: Sequence[str] = ()
) -> Iterator[None]:
    """Processes that work for a scheduler, and are begun anew when they die.

    Args:
        address: the scheduler's.
        path: where they find plugins.
        count: how many there are.
        within: a command that runs theirs.
    """
    options = ("--nworkers", str(count), "--nthreads", "1", "--no-dashboard")
    command = (*within, *_DASK, "worker", f"tcp://{address}", *options)
    with _process(*command, until="Starting established", PYTHONPATH=path):
        yield


_DASK = (sys.executable, "-m", "dask")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def ray_head(path: str) -> Iterator[tuple[int, str]]:
    """Ray with two CPUs; gives the group of its processes, and the address for clients."""
    folder = tempfile.mkdtemp(prefix="ray")  # its sockets' paths are short of room
    client, agent = free_port(), free_port()
    command = (
        f"{sys.executable} -m ray.scripts.scripts start --head --block --num-cpus=2"
        " --include-dashboard=false --port=0 --min-worker-port=0 --max-worker-port=0"
        f" --temp-dir={folder} --ray-client-server-port={client} --runtime-env-agent-port={agent}"
        " --dashboard-agent-listen-port=0"
    ).split()
    try:
        with _process(*command, until="Ray runtime started", PYTHONPATH=path, **RAY) as (
            pid,
            _,
        ):
            yield pid, f"127.0.0.1:{client}"
    finally:
        rmtree(folder, ignore_errors=True)


RAY = {
    "RAY_AUTH_MODE": "token",
    "RAY_CLIENT_RECONNECT_GRACE_PERIOD": "1",
    "RAY_AUTH_TOKEN": "a-token-of-the-tests-0123456789abcdef",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""The environment of a Ray that these tests begin, so that it reads no token of the machine."""
