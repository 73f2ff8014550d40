"""The databases that a journal is tested on: SQLite, and a real PostgreSQL where there is one."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

EVERY = ("sqlite", "postgresql")

_numbers = count()


def fresh(kind: str, folder: Path) -> str:
    """The URL of a database without tables."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/journal.db"
    server = _server()
    if server is None:
        pytest.skip("no PostgreSQL server is installed")
    url = f"postgresql:///postgres?host={server}&user={_user()}"
    schema = f"journal_{next(_numbers)}"
    with psycopg.connect(url) as connection:
        connection.execute(f"CREATE SCHEMA {schema}".encode())
    return f"{url}&options=-csearch_path%3D{schema}"  # a fraction of what a database takes


@cache
def _server() -> str | None:
    """Start one for as long as the tests run; gives the folder of its socket."""
    if _binary("initdb") is None:
        return None
    folder = tempfile.mkdtemp(prefix="facegate-pg-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if os.getuid() == 0:
        shutil.chown(folder, _user())
    data = f"{folder}/data"
    _run("initdb", "-D", data, "-A", "trust", "-N", "--locale=C", "-E", "UTF8")
    # In the foreground it is this process's child; its settings trade safety for speed.
    settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-k", folder]
    with Path(f"{folder}/log").open("wb") as log:
        process = subprocess.Popen(
            [str(_binary("postgres")), "-D", data, *settings], stderr=log, **_as_user()
        )
    atexit.register(process.wait)
    atexit.register(process.terminate)
    _run("pg_isready", "-h", folder, "-t", "1", tries=100)
    return folder


def _run(name: str, *arguments: str, tries: int = 1) -> None:
    command = [str(_binary(name)), *arguments]
    for left in reversed(range(tries)):
        done = subprocess.run(command, capture_output=True, text=True, check=False, **_as_user())
        if not done.returncode:
            return
        assert left, done.stderr
        time.sleep(0.05)


def _binary(name: str) -> Path | None:
    found = shutil.which(name)
    if found:
        return Path(found)
    # Where Debian keeps what it does not put on the path.
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return debian[-1] if debian else None


def _user() -> str:
    """A server refuses to run as root."""
    return "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name


def _as_user() -> dict[str, Any]:
    if os.getuid():
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": [], "cwd": "/"}
