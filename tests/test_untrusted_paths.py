"""Texts of strangers' making that are taken for the path of a file."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from both import Ask, both_ways
from drawn import picture
from facegate import ConfigurationError, FaceVerifier, Image, ImageRejected, InvalidRequest
from facegate.images.intake import Intake
from facegate.testing import FakeProvider

DOCUMENT = picture(seed=2)


@pytest.mark.skipif(sys.platform == "win32", reason="named pipes and devices of POSIX")
@both_ways
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, ask: Ask) -> None:
    """A named pipe that nobody writes to would never come back, a device never end."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), Path("/dev/null")):
        with pytest.raises(ImageRejected, match="no regular file"):
            ask(FakeProvider(), probe=str(path), gallery=[DOCUMENT])


def test_no_text_is_a_path_where_paths_are_switched_off(tmp_path: Path) -> None:
    file = tmp_path / "probe.png"
    file.write_bytes(picture())
    with FaceVerifier(FakeProvider(), intake=Intake(paths=False)) as verifier:
        with pytest.raises(InvalidRequest, match=r"images\.paths = false"):
            verifier.compare(str(file), [DOCUMENT])
        verifier.compare(Image.from_path(file), [DOCUMENT])
        verifier.compare(file, [DOCUMENT])


def test_a_process_without_memory_is_the_operators_to_mend() -> None:
    class Short(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))

    with pytest.raises(ConfigurationError, match="Cannot allocate memory"):
        Image.from_file(Short())


@pytest.mark.parametrize("error", [MemoryError, RecursionError, ImportError])
def test_what_ran_out_here_is_no_fault_of_the_picture(error: type[Exception]) -> None:
    class Short(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise error

    with (
        FaceVerifier(FakeProvider()) as verifier,
        pytest.raises(ConfigurationError, match=error.__name__) as caught,
    ):
        verifier.compare(picture(seed=7), [Short()])
    assert caught.value.image == "gallery[0]"


def test_a_process_that_can_open_no_more_files_is_the_operators_to_mend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    file = tmp_path / "probe.png"
    file.write_bytes(picture())
    monkeypatch.setattr(os, "open", exhausted)
    with pytest.raises(ConfigurationError, match="Too many open files"):
        Image.from_path(file)
