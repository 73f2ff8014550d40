"""Whether a face or a credential shows in what a debugger, a log or a queue makes of a value."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterable
from pathlib import Path

from facegate import FacegateError, Image
from facegate.testing.asking import Came


def spellings(secrets: Iterable[str], pictures: Iterable[Image]) -> set[str]:
    """Every secret and every picture, and telling pieces of each, however they are written."""
    found = set()
    for secret in secrets:
        found |= {secret, secret[len(secret) // 4 :]}
    for picture in pictures:
        # Past the header, so that two pictures share nothing; 24 letters are 18 bytes of a face.
        inner, base64 = picture.data[100:160], picture.base64.decode()
        found |= {repr(inner)[2:40], inner[:18].hex(), base64[136:160], base64[-64:-40]}
    return {piece for piece in found if len(piece) >= 6}


def shown(came: Came) -> str:
    """All that may become of a result or an error outside of facegate."""
    plain = "\n".join([repr(came), str(came), f"{came}", repr(pickle.dumps(came))])
    return plain + (_told(came) if isinstance(came, FacegateError) else came.model_dump_json())


def _told(error: BaseException) -> str:
    """Whatever an error tracker makes of it: its chain, and every frame's local variables."""
    pending, seen = [error], ""
    while pending:
        each = pending.pop()
        seen += f"\n{each!r} {each} {each.args!r} {getattr(each, 'as_dict', dict)()!r}"
        if each.__context__ and not each.__suppress_context__:
            pending.append(each.__context__)
        if each.__cause__:
            pending.append(each.__cause__)
    here = Path(__file__).parent
    values = [
        repr(value)
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).parent != here  # a test knows what it asks
        for value in frame.f_locals.values()
    ]
    return "\n".join([seen, *values, *traceback.format_exception(error)])
