"""Every broken plugin, held to the contract; run by ``test_contract_broken.py`` alone."""

from __future__ import annotations

from acme_documented import AcmesApi, AcmesDocumentation
from broken import apis, conversing, http, providers
from broken.api import AcmeApi
from broken.found import DATA
from facegate.plugin import HttpProvider
from facegate.testing import ProviderContract

__all__ = ["apis", "conversing", "http", "providers"]

for broken, data in DATA.items():
    name = f"Test{broken.__name__}"
    if issubclass(broken, AcmeApi):
        held = {"api_type": broken, **data}
        globals()[name] = type(name, (AcmesApi,), held)
    elif issubclass(broken, HttpProvider):
        documentation = data.get("documentation", AcmesDocumentation)
        held = {"provider": broken, "patience_s": 0.5, "every_mutation": True, **data}
        globals()[name] = type(name, (documentation,), held)
    else:
        held = {"provider": broken, "contract_version": 1, **data}
        globals()[name] = type(name, (ProviderContract,), held)
