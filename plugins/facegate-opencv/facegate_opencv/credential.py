"""The API key that both products take, in a header of the same name."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

HEADER = "x-api-key"


def _fit_for_a_header(key: SecretStr) -> SecretStr:
    text = key.get_secret_value()
    if not text or not all("!" <= letter <= "~" for letter in text):
        raise ValueError("must be letters of ASCII without spaces, and not empty")
    return key


ApiKey = Annotated[SecretStr, AfterValidator(_fit_for_a_header)]
