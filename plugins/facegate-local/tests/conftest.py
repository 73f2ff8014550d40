"""What the tests of this plugin share.

The engine's tests use the real data files, pulled once into the user's cache. The tests of pulling
use real package clients too, but with a small index of their own on this machine.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from PIL import Image as Pillow

import facegate
from facegate_local.manifest import Archive, Asset, Kind
from facegate_local.store import ModelStore, PortraitStore

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")  # a busy machine is no failure


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The directory with every model in it."""
    store = ModelStore()
    store.pull()
    return store.directory


@pytest.fixture(scope="session")
def portraits() -> Mapping[str, Path]:
    """Every portrait, by its name in the manifest."""
    store = PortraitStore()
    store.pull()
    return {asset.name: store.path(asset.name) for asset in store.assets}


@pytest.fixture(scope="session")
def verifier(models_dir: Path) -> Iterator[facegate.FaceVerifier]:
    """The embedded engine, as a user opens it."""
    with facegate.open(
        plugin="local", models_dir=models_dir, pull=False, deadline_s=120
    ) as verifier:
        yield verifier


@pytest.fixture(scope="session")
def pictures(portraits: Mapping[str, Path]) -> Mapping[str, Pillow.Image]:
    """Every portrait decoded, for tests that cut, turn or convert it."""
    return {name: Pillow.open(path).convert("RGB") for name, path in portraits.items()}


class Index:
    """A directory that pip, and a stand-in for npm, download from."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.programs = root / "programs"
        self.programs.mkdir(parents=True)

    def wheel(self, members: Mapping[str, bytes], tag: str = "py3-none-any") -> Archive:
        info = "facedata-1.0.dist-info"
        metadata = {
            f"{info}/METADATA": b"Metadata-Version: 2.1\nName: facedata\nVersion: 1.0\n",
            f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
            f"{info}/RECORD": b"",
        }
        path = self.root / f"facedata-1.0-{tag}.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, **metadata}.items():
                archive.writestr(name, content)
        return _archive(path, Kind.WHEEL)

    def sdist(self, members: Mapping[str, bytes]) -> Archive:
        metadata = {"PKG-INFO": b"Metadata-Version: 2.1\nName: facedata\nVersion: 1.0\n"}
        files = {f"facedata-1.0/{name}": data for name, data in {**metadata, **members}.items()}
        return self._tar("facedata-1.0.tar.gz", Kind.SDIST, files)

    def npm(self, members: Mapping[str, bytes], script: str | None = None) -> Archive:
        """An npm archive, and an ``npm`` that delivers it, or else runs the given Python."""
        archive = self._tar("facedata-1.0.tgz", Kind.NPM, members)
        deliver = (
            f"shutil.copy({str(self.root / 'facedata-1.0.tgz')!r}, '.')\n"
            f"with open({str(self.root / 'npm.log')!r}, 'a') as log: print(*sys.argv[1:], file=log)"
        )
        program = self.programs / "npm"
        program.write_text(
            f"#!{sys.executable}\nimport os, shutil, sys, time\n{script or ''}\n"
            + (deliver if script is None else "")
        )
        program.chmod(0o755)
        return archive

    def asset(self, archive: Archive, member: str, content: bytes) -> Asset:
        """The manifest's entry for a member of an archive."""
        name = Path(member).stem
        return Asset(
            name=name,
            file=Path(member).name,
            archive=archive,
            member=member,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            licence="MIT",
            origin="https://example.org",
            purpose=f"stands for {name}",
        )

    def npm_runs(self) -> list[str]:
        log = self.root / "npm.log"
        return log.read_text().splitlines() if log.exists() else []

    def _tar(self, file: str, kind: Kind, members: Mapping[str, bytes]) -> Archive:
        path = self.root / file
        with tarfile.open(path, "w:gz") as archive:
            for name, content in members.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return _archive(path, kind)


def _archive(path: Path, kind: Kind) -> Archive:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Archive("facedata", "1.0", kind, sha256=digest, bytes=len(content))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An empty index, the only one that pip and npm know."""
    if os.name != "posix":
        pytest.skip("the stand-in for npm is a script")
    index = Index(tmp_path / "index")
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index.root))
    monkeypatch.setenv("PATH", str(index.programs))
    monkeypatch.setattr("facegate_local.clients.POLL_SECONDS", 0.02)
    return index
