"""An API that speaks as the made-up vendor keeps the contract with that vendor's plugin."""

from __future__ import annotations

from typing import Any, ClassVar

from acme import TOKEN, Acme
from broken.api import AcmeApi
from facegate import AuthenticationFailed, CaptureReason, QuotaExhausted, RateLimited, UnmappedError
from facegate.testing import CompatibleApiContract
from facegate.testing.cases import meaning
from facegate.testing.compat_contract import every_error

SAID = {AuthenticationFailed, QuotaExhausted, RateLimited, CaptureReason.FACE_NOT_FOUND}


class AcmesApi:
    provider = Acme
    settings: ClassVar = {"base_url": "https://api.example", "token": TOKEN}
    key = TOKEN
    heard: ClassVar[dict[Any, Any]] = {
        meaning(error): UnmappedError for error in every_error() if meaning(error) not in SAID
    }


class TestAcmeApi(AcmesApi, CompatibleApiContract):
    api_type = AcmeApi
