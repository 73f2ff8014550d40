"""Faces and credentials that show where a debugger, a log or a queue writes a value down."""

from __future__ import annotations

import base64
import pickle
import traceback
from collections.abc import Iterable, Mapping
from pathlib import Path

from facegate import FacegateError, Image
from facegate.testing.asking import ResultOrError


def spellings(secrets: Iterable[str], pictures: Iterable[Image]) -> dict[str, str]:
    """Every secret and every picture, and telling pieces of each, however they are written.

    Returns:
        pieces, each with its origin in words that may be shown.
    """
    origins: dict[str, str] = {}
    for secret in secrets:
        origins |= dict.fromkeys((secret, secret[len(secret) // 4 :]), "a secret")
    for number, picture in enumerate(pictures):
        # Past the header, so that two pictures share nothing; 24 letters are 18 bytes of a face.
        inner, base64 = picture.data[100:160], picture.base64.decode()
        pieces = (repr(inner)[2:40], inner[:18].hex(), base64[136:160], base64[-64:-40])
        origins |= dict.fromkeys(pieces, f"picture {number}")
    return {piece: what for piece, what in origins.items() if len(piece) >= 6}


def credentials(header: str) -> list[str]:
    """A header's value, and the parts of it that hold a credential.

    These are what follows the scheme, and the password of ``user:password`` in base64.
    """
    scheme, _, rest = header.strip().rpartition(" ")
    texts = [header, rest] if scheme else [header]
    try:
        pair = base64.b64decode(rest, validate=True).decode()
    except ValueError:
        return texts
    return [*texts, pair, pair.partition(":")[2]] if pair.isprintable() and pair else texts


def leaks(texts: Mapping[str, str], secrets: Iterable[str], pictures: Iterable[Image]) -> list[str]:
    """Leaks of a secret or a picture into the named texts, each as a sentence without either.

    A piece is found however often it was quoted: a text in a text has its backslashes doubled.
    """
    pieces = {_plain(piece): what for piece, what in spellings(secrets, pictures).items()}
    return sorted(
        {
            f"{name} shows {what}"
            for name, text in texts.items()
            for piece, what in pieces.items()
            if piece in _plain(text)
        }
    )


def _plain(text: str) -> str:
    return text.replace("\\", "")


def shown(outcome: ResultOrError) -> dict[str, str]:
    """Every text that may be made of a result or an error outside of facegate, by its maker."""
    kind = type(outcome).__name__
    views = {
        f"the repr of {kind}": repr(outcome),
        f"the text of {kind}": f"{outcome} {outcome!s}",
        f"the pickle of {kind}": repr(pickle.dumps(outcome)),
    }
    if isinstance(outcome, FacegateError):
        return views | _tracked(outcome)
    return views | {f"the JSON of {kind}": outcome.model_dump_json()}


def _tracked(error: BaseException) -> dict[str, str]:
    """Texts that an error tracker makes of an error: its chain, and every frame's variables."""
    kind, pending, chain = type(error).__name__, [error], ""
    while pending:
        each = pending.pop()
        chain += f"\n{each!r} {each} {each.args!r} {getattr(each, 'as_dict', dict)()!r}"
        if each.__context__ and not each.__suppress_context__:
            pending.append(each.__context__)
        if each.__cause__:
            pending.append(each.__cause__)
    here = Path(__file__).parent
    frames = {
        f"the local variable {name} of {frame.f_code.co_name}()": repr(value)
        for frame, _ in traceback.walk_tb(error.__traceback__)
        if Path(frame.f_code.co_filename).parent != here  # a test knows what it asks
        for name, value in frame.f_locals.items()
    }
    return frames | {
        f"{kind} and what caused it": chain,
        f"the traceback of {kind}": "".join(traceback.format_exception(error)),
    }
