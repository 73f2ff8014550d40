"""Grants: what a key is for, and its limits; the same for keys in the configuration and others."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from facegate.document import Name, Table
from facegate.errors import InvalidRequest
from facegate.model import Operation

Permission = Literal["verify", "decisions:read", "label", "review", "metrics", "admin"]
SCOPES: tuple[Permission, ...] = (
    "verify",
    "decisions:read",
    "label",
    "review",
    "metrics",
    "admin",
)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


def _written(pattern: str, example: str) -> Any:
    """A text of a fixed form, refused with an example of it."""

    def checked(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f'must read like "{example}"')
        return value

    schema = {"type": "string", "pattern": f"^({pattern})$", "examples": [example]}
    return AfterValidator(checked), WithJsonSchema(schema)


Rate = Annotated[str, *_written(r"[1-9][0-9]{0,4}/(second|minute|hour|day)", "20/second")]
Money = Annotated[str, *_written(r"[0-9]{1,9}(\.[0-9]{1,6})?/(day|month)", "200/day")]


class Grant(Table):
    """What a key is for, and its limits."""

    scopes: tuple[Permission, ...] = Field(
        min_length=1, description="What the key is for: any of " + ", ".join(SCOPES) + "."
    )
    routes: tuple[Name, ...] | None = Field(
        default=None,
        min_length=1,
        description="Routes that it may name; the first answers by default. All if absent.",
    )
    operations: tuple[Operation, ...] | None = Field(
        default=None, min_length=1, description="Questions that it may ask; all if absent."
    )
    expires: datetime | date | None = Field(
        default=None, description="The moment, or the last day in UTC, after which it is void."
    )
    rate: Rate | None = Field(
        default=None, description='Most questions in any such time: "20/second".'
    )
    at_once: int | None = Field(
        default=None, ge=1, le=1_000_000, strict=True, description="Most questions at once."
    )
    budget: Money | None = Field(
        default=None,
        description='Most money in a day or month in UTC: "200/day". Every provider of its routes'
        " needs a `cost`.",
    )
    soft_budget: Money | None = Field(
        default=None,
        description="Money after which replies and the log say so; nothing is refused.",
    )

    @field_validator("expires", mode="before")
    @classmethod
    def _dated(cls, value: object) -> object:
        if not isinstance(value, str | int | float):
            return value
        try:  # pydantic would take a day for its first moment, and a number for seconds since 1970
            text = str(value)
            return (date if len(text) == len("2027-01-01") else datetime).fromisoformat(text)
        except ValueError:
            raise ValueError("a day or a moment, such as 2027-01-01T00:00:00Z") from None

    @field_validator("expires")
    @classmethod
    def _zoned(cls, moment: datetime | date | None) -> datetime | date | None:
        if isinstance(moment, datetime) and moment.tzinfo is None:
            raise ValueError("a moment needs its zone, such as 2027-01-01T00:00:00Z")
        return moment

    @model_validator(mode="after")
    def _admin_is_for_everything(self) -> Self:
        # It can make any other key, so a limit to some routes or questions would limit nothing.
        if "admin" in self.scopes and (self.routes or self.operations):
            raise ValueError("a key with the scope admin is for all routes and operations")
        return self

    @property
    def until(self) -> datetime | None:
        """The moment after which it is void."""
        if self.expires is None or isinstance(self.expires, datetime):
            return self.expires
        return datetime.combine(self.expires, datetime.max.time(), UTC)

    def refuse_past(self) -> None:
        """Refuse a key that would be void as soon as it is made.

        Raises:
            InvalidRequest: it would.
        """
        if self.until is not None and self.until <= datetime.now(UTC):
            raise InvalidRequest("expires: lies in the past")

    @property
    def limited(self) -> bool:
        """Whether anything has to be counted."""
        return any((self.rate, self.at_once, self.budget, self.soft_budget))


class KeySettings(Grant):
    """A key in the configuration."""

    hash: str | None = Field(
        default=None,
        repr=False,
        description="SHA-256 of the key's secret in hex, as `facegate keys create --hash` prints"
        " it.",
    )
    hash_file: str | None = Field(default=None, description="File that holds it.")


def per(rate: str) -> tuple[int, int]:
    """A rate such as ``"20/second"`` as a number and the seconds in any of which it may be."""
    most, unit = rate.split("/")
    return int(most), _SECONDS[unit]


def money(budget: str | None) -> tuple[float, str] | None:
    """A budget such as ``"200/day"`` as its money and period; None for no limit."""
    if budget is None:
        return None
    amount, period = budget.split("/")
    return float(amount), period
