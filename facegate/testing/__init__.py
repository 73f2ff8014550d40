"""Tools for the tests of plugins and applications; they come with ``facegate[testing]``.

Everything here is for tests: nothing of it is imported by facegate itself.
"""

from facegate.opening import answer_with
from facegate.testing.cases import Documented, Endpoint, Failure, Interaction, VendorCall
from facegate.testing.compat_contract import CompatibleApiContract
from facegate.testing.contract import ProviderContract
from facegate.testing.fake import FakeProvider, live, match, no_match, not_live
from facegate.testing.faults import FaultProxy
from facegate.testing.http_contract import HttpProviderContract
from facegate.testing.server import Seen
from facegate.testing.versions import NewCheckWarning

__all__ = [
    "CompatibleApiContract",
    "Documented",
    "Endpoint",
    "Failure",
    "FakeProvider",
    "FaultProxy",
    "HttpProviderContract",
    "Interaction",
    "NewCheckWarning",
    "ProviderContract",
    "Seen",
    "VendorCall",
    "answer_with",
    "live",
    "match",
    "no_match",
    "not_live",
]
