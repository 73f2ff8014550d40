"""The made-up vendor's plugin keeps the contract: what adopting it looks like."""

from __future__ import annotations

from acme import Acme
from acme_documented import AcmesDocumentation


class TestAcme(AcmesDocumentation):
    provider = Acme
    every_mutation = True
