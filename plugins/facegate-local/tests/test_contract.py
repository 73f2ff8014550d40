"""The embedded engine keeps the contract of every provider, on real faces."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from facegate import ImageFormat
from facegate.testing import ProviderContract
from facegate_local.provider import Local


class TestLocal(ProviderContract):
    contract_version = 1
    provider = Local
    settings: ClassVar = {"engines": 2, "deadline_s": 120}
    formats = frozenset(ImageFormat) - {ImageFormat.HEIC, ImageFormat.AVIF}

    @pytest.fixture
    def faces(self, models_dir: Path, portraits: Mapping[str, Path]) -> tuple[bytes, ...]:
        return portraits["person_a_1"].read_bytes(), portraits["person_a_2"].read_bytes()
