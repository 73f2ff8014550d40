"""An API that speaks as the made-up vendor keeps the contract with that vendor's plugin."""

from __future__ import annotations

from acme_documented import AcmesApi
from broken.api import AcmeApi


class TestAcmeApi(AcmesApi):
    api_type = AcmeApi
