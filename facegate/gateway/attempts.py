"""Attempts of one person: a thief who may try often enough gets in by chance."""

from __future__ import annotations

import math

from pydantic import Field

from facegate.document import Table
from facegate.gateway.grants import Rate, per
from facegate.model import Operation


class AttemptSettings(Table):
    """The ``[serve.api.attempts]`` table.

    NIST SP 800-63B-4 (3.2.3) allows 5 failed biometric attempts in a row, and 10 where
    presentation attacks are looked for.
    """

    per_subject: Rate | None = Field(
        default=None,
        description='Most attempts of a person that were not accepted, in any such time: "5/hour".',
    )
    per_subject_live: Rate | None = Field(
        default=None,
        description="The same for questions with liveness; as `per_subject` if absent.",
    )

    def rate(self, operation: Operation) -> str | None:
        """The limit for a question; None for no limit."""
        live = operation is not Operation.COMPARE and self.per_subject_live
        return live or self.per_subject

    @property
    def windows(self) -> list[int]:
        """The seconds that attempts count for, of each limit."""
        return sorted({per(each)[1] for each in (self.per_subject, self.per_subject_live) if each})


def per_transaction(fmr: float, attempts: int) -> float:
    """The share of thieves that get in by chance, where each may try so often.

    1 - (1 - FMR)^n, which takes attempts for independent (ISO/IEC 19795-1:2021 tells attempt and
    transaction rates apart); those of one thief are not, so this is an estimate.

    Args:
        fmr: false match rate of one attempt, 0 to 1.
        attempts: number of attempts, 1 or more.
    """
    if fmr == 1:
        return 1.0
    return -math.expm1(attempts * math.log1p(-fmr))  # exact for a small rate as well
