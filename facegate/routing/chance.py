"""Chance that comes out the same in every process, and after every restart."""

from __future__ import annotations

import hashlib


def chance(purpose: bytes, key: bytes, *parts: str) -> float:
    """A number between 0 and 1, neither included, that only who knows the key can foretell.

    Args:
        purpose: up to 16 bytes; a number drawn for one purpose says nothing about another.
        key: up to 64 bytes.
        parts: texts that it is drawn for, taken letter by letter.
    """
    digest = hashlib.blake2b(digest_size=8, key=key, person=purpose)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8) + data)
    # 52 bits and a half: a float holds it exactly, so neither 0 nor 1 can come of rounding.
    return ((int.from_bytes(digest.digest()) >> 12) + 0.5) / 2**52
