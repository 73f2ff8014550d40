"""What the tests of a plugin, or of an application, need; comes with ``facegate[testing]``.

Everything here is for tests: nothing of it is imported by facegate itself.
"""

import pytest

pytest.register_assert_rewrite(
    *(
        f"facegate.testing.{name}"
        for name in ("claims", "contract", "compat_contract", "http_contract", "wire_contract")
    )
)

from facegate.opening import answer_with  # noqa: E402
from facegate.testing.cases import Call, Documented, Failure  # noqa: E402
from facegate.testing.compat_contract import CompatibleApiContract  # noqa: E402
from facegate.testing.contract import ProviderContract  # noqa: E402
from facegate.testing.fake import FakeProvider, live, match, no_match, not_live  # noqa: E402
from facegate.testing.faults import FaultProxy  # noqa: E402
from facegate.testing.http_contract import HttpProviderContract  # noqa: E402

__all__ = [
    "Call",
    "CompatibleApiContract",
    "Documented",
    "Failure",
    "FakeProvider",
    "FaultProxy",
    "HttpProviderContract",
    "ProviderContract",
    "answer_with",
    "live",
    "match",
    "no_match",
    "not_live",
]
