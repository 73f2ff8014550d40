"""An API that speaks as the made-up vendor keeps the contract with that vendor's plugin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from acme_documented import AcmesApi
from broken.api import AcmeApi
from facegate.errors import (
    InputError,
    InvalidRequest,
    ProviderUnavailable,
    UnsupportedOption,
)
from facegate.plugin import Answer, DecodedRequest, HttpSettings
from facegate.testing import CompatibleApiContract
from facegate.testing.cases import meaning
from facegate.testing.strategies import every_error
from signed import KEY, Corvid, CorvidApi


class TestAcmeApi(AcmesApi):
    api_type = AcmeApi


class TestCorvidApi(CompatibleApiContract):
    """Whose callers sign."""

    contract_version = 1
    provider = Corvid
    settings: ClassVar = {"base_url": "https://api.example/corvid"}
    api_type = CorvidApi
    key = KEY
    heard: ClassVar[dict[Any, Any]] = {
        meaning(error): InvalidRequest
        if isinstance(error, InputError | UnsupportedOption)
        else ProviderUnavailable
        for error in every_error()
    }

    def client(self) -> Corvid:
        settings = HttpSettings.model_validate(self.settings)
        provider = Corvid(settings, "contract")
        provider.clock = lambda: datetime(2026, 11, 26, tzinfo=UTC)
        return provider

    def sayable(self, asked: DecodedRequest, answer: Answer) -> Answer | None:
        return answer if answer.match is not None and answer.match.score is not None else None
