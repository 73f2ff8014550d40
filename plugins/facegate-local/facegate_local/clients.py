"""Downloads of an archive with the user's own package clients, pip and npm.

Going through the clients means that mirrors, proxies, certificates and credentials are those the
user has set up already, and that this package opens no connection of its own. The clients only
download: nothing of the archive is installed, built, imported or executed.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from facegate.plugin import ConfigurationError
from facegate_local.manifest import Archive, Kind

POLL_SECONDS: Final = 0.2
GRACE_SECONDS: Final = 5.0
DEADLINE_SECONDS: Final = 1800.0
"""Longest download. Both clients have timeouts of their own; this bounds what those do not."""

# Any build of a wheel holds the same data files. One build is pinned, whatever the user's own
# interpreter and system, so that everybody downloads, and checks, the same bytes.
_WHEEL_OPTIONS: Final = (
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.12",
    "--platform=manylinux2014_x86_64",
)

# Left out of the clients' environment: they would change what is downloaded, not from where.
_MEDDLING: Final = frozenset({"PIP_CONSTRAINT", "PIP_REQUIREMENT", "PIP_LOG", "PIP_QUIET"})

# Even to download a source archive, pip asks its build backend for the package's name and version,
# and so would execute setuptools with the archive as its working directory. This module stands in
# for setuptools: it answers the question from the manifest and reads nothing.
_STAND_IN_BACKEND: Final = """\
from pathlib import Path

def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    info = Path(metadata_directory, {directory!r})
    info.mkdir()
    (info / "METADATA").write_text({metadata!r}, encoding="utf-8")
    return info.name
"""

_NOISE: Final = re.compile(
    r"^npm notice|^\[notice\]|A complete log of this run|^npm warn Unknown|^npm (error|ERR!)$"
)


def download(archive: Archive, scratch: Path, tick: Callable[[int], None]) -> Path:
    """Have the archive's client download it, and give the file.

    Args:
        archive: the archive to download.
        scratch: an empty directory that the caller removes.
        tick: called several times a second with the number of bytes so far.

    Raises:
        ConfigurationError: there is no client, it failed, or it delivered nothing.
    """
    target, partial = scratch / "archive", scratch / "partial"
    target.mkdir()
    partial.mkdir()
    environment = _environment(partial)
    command = _npm(archive) if archive.kind is Kind.NPM else _pip(archive, scratch, target)
    if archive.kind is Kind.SDIST:
        environment["PYTHONPATH"] = str(_stand_in_backend(archive, scratch))
    # npm writes into its working directory. For pip the user's own stays, since an index that
    # is configured by a relative path means that one.
    working_directory = target if archive.kind is Kind.NPM else None
    code, errors = _run(
        command, environment, working_directory, lambda: tick(_received(target, partial))
    )
    if code:
        raise _failed(archive, errors)
    try:
        (path,) = target.iterdir()
    except ValueError:
        raise ConfigurationError(
            f"{archive.client} reported success, but did not deliver {archive.spec}."
            f" See what `{manual(archive)}` does."
        ) from None
    return path


def manual(archive: Archive) -> str:
    """The command with which a person gets the archive, on this or another machine."""
    match archive.kind:
        case Kind.NPM:
            return f"npm pack {archive.spec}"
        case Kind.WHEEL:
            return f"pip download --no-deps --only-binary=:all: {archive.spec}"
        case Kind.SDIST:
            return f"pip download --no-deps --no-binary={archive.package} {archive.spec}"


def scrub(text: str) -> str:
    """The text without the credentials that index addresses and settings may carry."""
    # An unquoted password may hold whatever else delimits an address, so where a user and a query
    # are both possible, all of it goes.
    text = re.sub(r"://(?=\S*@)(?=\S*\?)\S+", "://***", text)
    text = re.sub(r"://\S*@", "://***@", text)
    text = re.sub(r"(://[^\s?]*\?)\S+", r"\1***", text)
    return re.sub(r"(?i)((?:_auth\w*|_?password|token)[\"']?\s*[=:]\s*)\S+", r"\1***", text)


def _npm(archive: Archive) -> list[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigurationError(
            f"There is no npm on PATH to download {archive.spec} with."
            " Install Node.js, which brings npm, and run `facegate models pull`."
        )
    # npm waits 10 seconds before its first further try and a minute before the second.
    return [npm, "pack", archive.spec, "--ignore-scripts", "--loglevel=error", "--fetch-retries=1"]


def _pip(archive: Archive, scratch: Path, target: Path) -> list[str]:
    # In a requirements file the archive can be named by its hash. pip then refuses any other
    # before it opens it, and among several picks the one that matches.
    requirements = scratch / "requirements.txt"
    requirements.write_text(f"{archive.spec} --hash=sha256:{archive.sha256}\n", encoding="utf-8")
    which = (
        _WHEEL_OPTIONS
        if archive.kind is Kind.WHEEL
        else ("--no-build-isolation", f"--no-binary={archive.package}")
    )
    return [
        *_pip_program(archive),
        "download",
        "--no-deps",
        "--no-input",
        "--disable-pip-version-check",
        "--no-color",
        *which,
        f"--requirement={requirements}",
        f"--dest={target}",
    ]


def _pip_program(archive: Archive) -> list[str]:
    if sys.executable and importlib.util.find_spec("pip") is not None:
        # -P: a pip.py in the working directory is not pip.
        return [sys.executable, "-P", "-m", "pip"]
    # Some tools make virtual environments without pip; one on PATH downloads as well.
    if pip := shutil.which("pip") or shutil.which("pip3"):
        return [pip]
    raise ConfigurationError(
        f"There is no pip to download {archive.spec} with, neither in this environment nor on PATH."
        f" Run `{sys.executable or 'python'} -m ensurepip`, then `facegate models pull`."
    )


def _stand_in_backend(archive: Archive, scratch: Path) -> Path:
    path = scratch / "backend"
    package = path / "setuptools"
    package.mkdir(parents=True)
    package.joinpath("__init__.py").touch()
    source = _STAND_IN_BACKEND.format(
        directory=f"{archive.package.replace('-', '_')}-{archive.version}.dist-info",
        metadata=f"Metadata-Version: 2.1\nName: {archive.package}\nVersion: {archive.version}\n",
    )
    package.joinpath("build_meta.py").write_text(source, encoding="utf-8")
    return path


def _environment(partial: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in _MEDDLING}
    # Downloading is fine outside of a virtual environment. Partial downloads go where they can be
    # measured, and are removed with everything else.
    return environment | {
        "PIP_REQUIRE_VIRTUALENV": "0",
        "NO_COLOR": "1",
        "TMPDIR": str(partial),
        "TEMP": str(partial),
        "TMP": str(partial),
    }


def _run(
    command: list[str],
    environment: Mapping[str, str],
    working_directory: Path | None,
    tick: Callable[[], None],
) -> tuple[int, str]:
    """The client's exit code and its errors, once it has ended; what stops us stops it too."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    try:
        process = subprocess.Popen(  # noqa: S603 - a fixed command, no shell
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=working_directory,
        )
    except OSError as error:
        raise ConfigurationError(f"{command[0]} cannot be run: {error.strerror}.") from error
    with process:
        try:
            while time.monotonic() < deadline:
                try:
                    _, errors = process.communicate(timeout=POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    tick()
                else:
                    return process.returncode, errors.decode(errors="replace")
            return -1, "stopped: it took too long"
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _received(*directories: Path) -> int:
    """Size of the largest file in there: the archive, as far as it has come.

    The clients write it into one file that grows, under names of their own, and move it at the end.
    """
    largest = 0
    for directory in directories:
        for folder, _, files in os.walk(directory):  # passes over folders that have gone meanwhile
            for file in files:
                with suppress(OSError):  # moved or removed since it was listed
                    largest = max(largest, Path(folder, file).stat().st_size)
    return largest


def _failed(archive: Archive, errors: str) -> ConfigurationError:
    if re.search(r"No space left on device|ENOSPC", errors):
        return ConfigurationError(
            f"The disk is full: {archive.client} needs more than {archive.bytes / 1e6:.0f} MB"
            f" to download {archive.spec}. Free some space and try again."
        )
    lines = ["".join(filter(str.isprintable, line)).rstrip() for line in scrub(errors).splitlines()]
    useful = [line for line in lines if line and not _NOISE.search(line)]
    # npm begins with the cause and goes on to the stack; pip ends with the cause.
    useful = useful[:4] if archive.kind is Kind.NPM else useful[-6:]
    quoted = "".join(f"\n    {line}" for line in useful) or "\n    (nothing)"
    where = "registry" if archive.kind is Kind.NPM else "index"
    return ConfigurationError(
        f"{archive.client} could not download {archive.spec}. It said:{quoted}\n"
        f"Check the network, and the {where} in `{archive.client} config list`."
    )
