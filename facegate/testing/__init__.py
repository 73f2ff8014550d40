"""Tools for the tests of plugins and applications; they come with ``facegate[testing]``.

Everything here is for tests: nothing of it is imported by facegate itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from facegate.opening import answer_with
from facegate.runtime.extras import extra

_PACKAGES = "hypothesis", "pytest", "vcr", "yaml"

with extra("testing", *_PACKAGES, needed_by=__name__):
    from facegate.testing.cases import (
        Documented,
        Encoding,
        Endpoint,
        Failure,
        Interaction,
        Spelling,
        VendorCall,
    )
    from facegate.testing.compat_contract import CompatibleApiContract
    from facegate.testing.contract import ProviderContract
    from facegate.testing.fake import FakeProvider, Scores, live, match, no_match, not_live
    from facegate.testing.faults import (
        FaultProxy,
        InjectedFault,
        html_502,
        latency,
        rate_limited,
        reset,
        stall,
        truncated,
        wrong_length,
    )
    from facegate.testing.http_contract import HttpProviderContract
    from facegate.testing.pictures import noise
    from facegate.testing.server import Seen
    from facegate.testing.versions import NewCheckWarning

__all__ = [
    "CompatibleApiContract",
    "Documented",
    "Encoding",
    "Endpoint",
    "Failure",
    "FakeProvider",
    "FaultProxy",
    "HttpProviderContract",
    "InjectedFault",
    "Interaction",
    "NewCheckWarning",
    "ProviderContract",
    "Scores",
    "Scrubber",
    "Seen",
    "Spelling",
    "VendorCall",
    "answer_with",
    "cassette",
    "cassettes_in",
    "documented_in",
    "failures_in",
    "html_502",
    "latency",
    "live",
    "match",
    "no_match",
    "noise",
    "not_live",
    "play_cassette",
    "play_cassette_async",
    "rate_limited",
    "reset",
    "stall",
    "truncated",
    "wrong_length",
]

_HOMES = {
    "Scrubber": "scrubbing",
    "cassette": "cassettes",
    "cassettes_in": "cassettes",
    "documented_in": "published",
    "failures_in": "published",
    "play_cassette": "cassettes",
    "play_cassette_async": "cassettes",
}

if TYPE_CHECKING:
    from facegate.testing.cassettes import (
        cassette,
        cassettes_in,
        play_cassette,
        play_cassette_async,
    )
    from facegate.testing.published import documented_in, failures_in
    from facegate.testing.scrubbing import Scrubber
else:

    def __getattr__(name):
        """What needs vcrpy, which loads every HTTP client that there is, when it is asked for."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        with extra("testing", *_PACKAGES, needed_by=__name__):
            return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
