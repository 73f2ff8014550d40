"""Settings that every provider has, and those that a caller may set for one request."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from typing_extensions import TypeVar

from facegate.document import Table
from facegate.thresholds import Threshold, Unsure


def per_call(default: Any, *, moves_scores: bool = False, **field_arguments: Any) -> Any:
    """A settings field that a caller may also set for one request, through ``options``.

    Args:
        default: its default; ``...`` where it has none.
        moves_scores: whether the same pictures get other scores under another value of it, so that
            error rates that were measured under one do not hold under another.
        **field_arguments: any others of :func:`pydantic.Field`.
    """
    marks: dict[str, Any] = {"per_call": True, "moves_scores": moves_scores}
    return Field(default, json_schema_extra=marks, **field_arguments)


def moves_scores(default: Any, **field_arguments: Any) -> Any:
    """A settings field under another value of which the same pictures get other scores.

    Error rates hold only under the value that they were measured with.

    Args:
        default: its default; ``...`` where it has none.
        **field_arguments: any others of :func:`pydantic.Field`.
    """
    return Field(default, json_schema_extra={"moves_scores": True}, **field_arguments)


class ProviderSettings(Table):
    """Settings every provider has. Thresholds are on the provider's scale, or ``"fmr:1e-4"``."""

    threshold: Threshold | None = Field(
        default=None,
        description="A match from this similarity on, or up to this distance: a number on the"
        " provider's own scale, or a false match rate that is known, \"fmr:1e-4\". The provider's"
        " own default if absent.",
    )
    allow_loose_threshold: bool = Field(
        default=False,
        description="Take a threshold that a good part of strangers reach. Without it such a number"
        " is refused: most likely it is a rate or a distance.",
    )
    review_from: Threshold | None = Field(
        default=None,
        description="A similarity on the provider's own scale, or a known rate: from here up to the"
        " threshold a person reviews.",
    )
    liveness_threshold: Threshold | None = Field(
        default=None,
        description="Live from this liveness score on: a number on the provider's own scale, or the"
        ' share of living people that it may refuse, "bpcer:0.05", where that was measured. The'
        " provider's own default if absent.",
    )
    calibration: Path | None = Field(
        default=None,
        description="File that `facegate calibrate` made of this provider: the error rates that"
        " thresholds may be given as. Without it, those that come with the plugin.",
    )
    uncertain: Unsure = Field(
        default="reject", description="The decision where the vendor cannot tell."
    )
    several_faces: Literal["refuse", "vendor_gallery", "vendor"] = Field(
        default="refuse",
        description="Refuse a picture with several faces, or leave it to the vendor which one"
        " counts, in the gallery or everywhere. A result warns where a vendor cannot refuse them.",
    )
    deadline_s: float = Field(
        default=30.0,
        gt=0,
        description="Seconds for one request, everything included. What is computed in this process"
        " is not interrupted.",
    )
    cost: float | dict[str, float] | None = Field(
        default=None,
        description="What one charged call costs, in your currency; or a table of that by operation"
        " or by step, where a question takes several.",
    )

    @field_validator("cost", mode="before")
    @classmethod
    def _no_switch(cls, value: Any) -> Any:
        if isinstance(value, Mapping) and any(isinstance(each, bool) for each in value.values()):
            raise ValueError("must be a number, not true or false")
        return value

    @field_validator("cost")
    @classmethod
    def _no_gift(cls, cost: Any) -> Any:
        costs = cost.values() if isinstance(cost, Mapping) else (cost or 0,)
        if any(number < 0 for number in costs):
            raise ValueError("must not be below zero")
        return cost

    @classmethod
    def per_call_fields(cls) -> frozenset[str]:
        """The settings that ``options`` may override for one request."""
        return cls._marked("per_call")

    @classmethod
    def score_fields(cls) -> frozenset[str]:
        """The settings under other values of which the same pictures get other scores."""
        return cls._marked("moves_scores")

    @classmethod
    def _marked(cls, mark: str) -> frozenset[str]:
        return frozenset(
            name
            for name, info in cls.model_fields.items()
            if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get(mark)
        )


S = TypeVar("S", bound=ProviderSettings, default=Any)
