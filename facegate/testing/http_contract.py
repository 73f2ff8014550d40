"""The contract of providers behind HTTP."""

from __future__ import annotations

from facegate.testing.fault_contract import FaultContract
from facegate.testing.wire_contract import WireContract


class HttpProviderContract(WireContract, FaultContract):
    """What every provider behind HTTP promises; it is asked over real sockets on this machine.

    Subclass it with the vendor's documentation as data::

        COMPARE = Call(Operation.COMPARE, "/v1/compare", {"probe", "gallery", "mode"})

        class TestAcme(HttpProviderContract):
            provider = Acme
            settings = {"token": "tok-3f9a1c77"}
            headers = {"authorization": "Token tok-3f9a1c77"}
            documented = (
                Documented(COMPARE, {"score": 0.93}, {"accepted": True, "match": {"score": 0.93}}),
                Documented(COMPARE, {"score": 0.12}, {"accepted": False}),
            )
            failures = (
                Failure(400, {"code": "no_face"}, CaptureReason.FACE_NOT_FOUND),
                Failure(429, {"code": "slow_down"}, RateLimited, {"Retry-After": "7"}),
            )

    Attributes:
        headers: of every request, names in lower case, the credential among them.
        documented: every documented answer; for each operation at least one yes and one no.
        failures: every documented error.
        other_options: another value of a per-request option, where its type does not offer one.
    """
