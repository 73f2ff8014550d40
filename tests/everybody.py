"""Every plugin of facegate's own: settings for it, and a key for the API that it speaks."""

from __future__ import annotations

from typing import Any

KEY = "key-77c1de0984f3b26a"
PAIR = "AKIDEXAMPLE", "s3cr3t-9e41b7c0d25f"

CLIENTS: dict[str, dict[str, Any]] = {
    "compreface": {"api_key": KEY, "engine": "facegate", "threshold": 0.5},
    "opencv_cloud": {"api_key": KEY},
    "opencv_fr": {"api_key": KEY},
    "regula": {"gateway_key": KEY},
    "rekognition": {
        "region": "eu-west-1",
        "access_key_id": PAIR[0],
        "secret_access_key": PAIR[1],
    },
    "tencent": {"region": "ap-singapore", "secret_id": PAIR[0], "secret_key": PAIR[1]},
    "verifik": {"token": KEY},
}
"""Settings of every client whose vendor's API facegate can answer as, but for the address."""

KEYS = dict.fromkeys(CLIENTS, KEY) | dict.fromkeys(("rekognition", "tencent"), ":".join(PAIR))
"""The key that each of these APIs is served with."""

ALONE: dict[str, dict[str, Any]] = {
    "azure_face": {"base_url": "https://resource.cognitiveservices.azure.com", "api_key": KEY},
    "deepface": {"base_url": "https://deepface.internal.example"},
    "local": {},
}
"""Settings of the providers whose API is nobody's to speak."""

OFFERED = sorted({*CLIENTS, *ALONE})
"""The plugins that facegate's own makers offer."""
