"""What the contract's rows do not say of a request: the threshold in it."""

from __future__ import annotations

from typing import Any

import pytest

from facegate import plugin as fg
from facegate.testing.pictures import noise
from facegate_fennholt.provider import Fennholt, FennholtSettings

GRANTED = b'{"access_token": "fh-tok-90c7e1d5a2", "token_type": "Bearer", "expires_in": 3600}'


@pytest.mark.parametrize(("asked", "sent"), [(None, "75.0"), (90, "90.0"), (82.5, "82.5")])
def test_the_threshold_that_was_asked_for_is_sent(asked: float | None, sent: str) -> None:
    settings = FennholtSettings.model_validate({"client_id": "acme", "client_secret": "fh-7c19"})
    probe, document = (fg.Image.from_bytes(noise(seed)) for seed in (1, 2))
    flow = Fennholt(settings).answer(fg.CompareRequest(probe, (document,), settings, asked))
    next(flow)
    begun: Any = flow.send(fg.HttpReply(200, {}, GRANTED))
    assert fg.multipart(begun.request).text("same_from") == sent
    flow.close()
