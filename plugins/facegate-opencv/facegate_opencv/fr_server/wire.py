"""What the FR Server is sent and sends, and its scores. Source: its documentation, Face Compare."""

from __future__ import annotations

from typing import Annotated, Final, Generic, TypeVar

from pydantic import Field, StrictBool

from facegate import plugin as fg

COMPARE: Final = "/compare"
KEY: Final = "x-api-key"
YEARS_APART: Final = 0.67
"""The lowest ``min_similarity_score`` that the vendor documents, for pictures taken years apart."""
MATCH: Final = fg.ScoreSpec(fg.Scale(name="opencv_fr"), threshold=0.7)
FORMATS: Final = frozenset({fg.ImageFormat.JPEG, fg.ImageFormat.PNG})

P = TypeVar("P")
"""How a message holds a picture: a Picture for who sends it, text for who has yet to judge it."""


class CompareMessage(fg.WireModel, Generic[P]):
    """One comparison.

    All four fields are documented as required, two of them with a default all the same. So the
    client sends all, and the API tells by ``model_fields_set`` which were left out.

    Attributes:
        face_base_64: the probe; liveness is judged on this one.
        ref_face_base_64: the claimed person.
        min_similarity_score: match from here on, over 0 to 1.
        check_liveness: whether the probe must be live.
    """

    face_base_64: P
    ref_face_base_64: P
    min_similarity_score: Annotated[float, Field(strict=True, gt=0, le=1)] = MATCH.threshold
    check_liveness: StrictBool = False


class CompareReply(fg.WireModel):
    """The whole answer; a probe that is not live is answered with an error instead.

    What has a code is an error, whatever its status: those are not documented.
    """

    is_match: StrictBool
    code: None = None
