"""The ``[journal]`` table.

::

    [journal]
    url = "sqlite:///facegate-journal.db"       # or postgresql://user@host/database
    sync = "before_answer"                      # or "background"
    subject_key_file = "/run/secrets/subjects"  # without it, subjects are not recorded
    chain_key_file = "/run/secrets/chain"       # without it, who writes the database can forge it
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator

from facegate.document import Table, explained, with_secret_files
from facegate.errors import ConfigurationError

_KEY_LENGTH = 16
"""Characters that a key has at least."""


class JournalSettings(Table):
    """All of ``[journal]``. Times are in seconds."""

    url: SecretStr = Field(
        default=SecretStr("sqlite:///facegate-journal.db"),
        description="Database: sqlite:///path, by default sqlite:///facegate-journal.db (with four"
        " slashes for an absolute path), or postgresql://user:password@host/database.",
    )
    sync: Literal["before_answer", "background"] = Field(
        default="before_answer",
        description="`before_answer`: an answer is given once its record is on disk. `background`:"
        " once it is queued in memory.",
    )
    subject_key: SecretStr | None = Field(
        default=None,
        description="Secret that subjects are hashed with, 16 characters or more; without it they"
        " are not recorded.",
    )
    chain_key: SecretStr | None = Field(
        default=None,
        description="Secret that the chain is hashed with, 16 characters or more, so that nobody"
        " without it can forge the journal; for the journal's whole life.",
    )
    wait_s: float = Field(
        default=4.0,
        gt=0,
        le=4.5,  # a verifier gives up after 5
        description="How long an answer waits for being recorded, or queued; then the request fails"
        " with JournalUnavailable.",
    )
    queue: int = Field(
        default=1_000,
        gt=0,
        description="Requests that may wait in memory for being written, and be lost with it.",
    )
    close_s: float = Field(
        default=10.0, gt=0, description="How long closing waits for the queue to be written."
    )

    @field_validator("url")
    @classmethod
    def _known_database(cls, url: SecretStr) -> SecretStr:
        try:
            parts = urlsplit(url.get_secret_value())
            _ = parts.port
        except ValueError:  # whose text shows what is wrong, and that may be the password
            raise ValueError("not a URL") from None
        if parts.scheme not in ("sqlite", "postgresql"):
            raise ValueError("must start with sqlite:/// or postgresql://")
        if parts.scheme == "sqlite" and (parts.netloc or parts.path in ("", "/", "/:memory:")):
            raise ValueError("must name a file: sqlite:///relative.db or sqlite:////absolute.db")
        return url

    @field_validator("subject_key", "chain_key")
    @classmethod
    def _long_enough(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < _KEY_LENGTH:
            raise ValueError(f"must have {_KEY_LENGTH} characters or more")
        return key

    @classmethod
    def of(cls, table: Mapping[str, Any], source: str) -> JournalSettings:
        """The settings that a table holds.

        Args:
            table: as it was written.
            source: what to call the configuration in messages.

        Raises:
            ConfigurationError: a key is unknown or its value is wrong, naming the key.
        """
        where = f"{source}: journal."
        if not isinstance(table, Mapping):
            raise ConfigurationError(f"{source}: journal: must be a table")
        try:
            return cls.model_validate(with_secret_files(cls, table, where))
        except ValidationError as error:
            raise explained(error, where, cls) from None
