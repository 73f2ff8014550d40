"""Every broken plugin, held to the contract; run by ``test_contract_broken.py`` alone."""

from __future__ import annotations

from acme_documented import AcmesApi, AcmesDocumentation
from broken import apis, http, providers
from broken.found import FOUND_BY
from facegate.plugin import HttpProvider
from facegate.testing import CompatibleApiContract, HttpProviderContract, ProviderContract

__all__ = ["apis", "http", "providers"]

for broken in FOUND_BY:
    name = f"Test{broken.__name__}"
    if issubclass(broken, apis.AcmeApi):
        globals()[name] = type(name, (AcmesApi, CompatibleApiContract), {"api_type": broken})
    elif issubclass(broken, HttpProvider):
        held = {"provider": broken, "patience_s": 0.5, "every_mutation": True}
        globals()[name] = type(name, (AcmesDocumentation, HttpProviderContract), held)
    else:
        globals()[name] = type(name, (ProviderContract,), {"provider": broken})
