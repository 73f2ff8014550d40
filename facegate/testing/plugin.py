"""Pytest fixtures for applications that use facegate.

They are not there by themselves, so that installing facegate slows nobody's tests down. In the
topmost ``conftest.py``::

    pytest_plugins = ["facegate.testing.plugin"]

and then in a test::

    def test_a_spoof_is_turned_away(fake_facegate, client):
        fake_facegate.will(not_live())
        assert client.post("/onboarding", ...).status_code == 403
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from facegate import FaceVerifier
from facegate.opening import answer_with
from facegate.testing.fake import FakeProvider


@pytest.fixture
def fake_facegate() -> Iterator[FakeProvider]:
    """A fake that answers for every verifier that the code under test opens.

    ``facegate.open`` and ``facegate.open_async`` read no configuration meanwhile.
    """
    fake = FakeProvider()
    with answer_with(fake):
        yield fake


@pytest.fixture
def face_verifier(fake_facegate: FakeProvider) -> Iterator[FaceVerifier]:
    """A verifier that :func:`fake_facegate` answers for, to be handed to the code under test."""
    with FaceVerifier(fake_facegate) as verifier:
        yield verifier
