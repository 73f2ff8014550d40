"""The right signature of a request, by the signer that AWS's own SDK has."""

from __future__ import annotations

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from facegate.testing import Seen


def right_signature(request: Seen, secret: str) -> str:
    """The end of the ``Authorization`` header that AWS would take of a request."""
    sent = {name.lower(): value for name, value in request.headers.items()}
    claim = sent["authorization"]
    region, names = claim.split("/")[2], claim.partition("SignedHeaders=")[2].partition(",")[0]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", secret), "rekognition", region)
    asked = AWSRequest("POST", f"http://{sent['host']}{request.target}")
    asked.data = request.body
    for name in names.split(";"):
        asked.headers[name] = sent[name]
    asked.context["timestamp"] = sent["x-amz-date"]
    canonical = signer.canonical_request(asked)
    return f"Signature={signer.signature(signer.string_to_sign(asked, canonical), asked)}"
