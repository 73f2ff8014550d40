"""Which engine answered: told in the result, and held to what was asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acme import DOCUMENT, PROBE, SAME, Engine, Scripted
from both import Ask, ask_sync, both_ways
from facegate import BadReply
from facegate.plugin import call, same_engine


@both_ways
def test_a_result_says_which_engine_answered(ask: Ask) -> None:
    answer = replace(SAME, engine="acme-1.4/float32")
    result = ask(Scripted(lambda _: call(lambda: answer)), probe=PROBE, gallery=DOCUMENT)
    assert result.engine == "acme-1.4/float32"
    assert ask_sync(Engine(lambda _: answer), probe=PROBE, gallery=DOCUMENT).engine == result.engine
    assert ask_sync(Engine(lambda _: SAME), probe=PROBE, gallery=DOCUMENT).engine is None


@both_ways
@pytest.mark.parametrize("words", ["", "x" * 65, "Jane Doe", "<b>", "v1\n"])
def test_what_could_be_anything_is_no_engine(ask: Ask, words: str) -> None:
    answer = replace(SAME, engine=words)
    with pytest.raises(BadReply) as caught:
        ask(Scripted(lambda _: call(lambda: answer)), probe=PROBE, gallery=DOCUMENT)
    assert not words.strip() or words not in str(caught.value)


def test_another_engine_than_asked_for_is_a_bad_reply() -> None:
    assert same_engine("v3", "v3") == "v3"
    for answered in ("v2", None, "v3 "):
        with pytest.raises(BadReply, match="another engine than v3"):
            same_engine("v3", answered)
