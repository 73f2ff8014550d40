"""Keys: who holds one may ask, for what it is for, and nobody else."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from clocks import Clock
from databases import EVERY, fresh
from facegate import ConfigurationError
from facegate.errors import JournalUnavailable
from facegate.gateway import keys as module
from facegate.gateway.grants import Grant, KeySettings
from facegate.gateway.keys import Caller, KeyRefused, Keys, NewKey, NoSuchKey, new_key
from facegate.gateway.stored import StoredKeys, secret
from facegate.journal import Journal
from journals import journal

ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
VERIFY = Grant(scopes=("verify",))


@pytest.fixture(params=EVERY)
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    with journal(fresh(request.param, tmp_path)) as opened:
        yield opened


@pytest.fixture
def stored(kept: Journal) -> StoredKeys:
    return StoredKeys(kept.store)


class Watched:
    """A store that counts how often it is asked, and may be away."""

    def __init__(self, stored: StoredKeys | None = None) -> None:
        self.stored, self.asked, self.away = stored, 0, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stored, name)

    def all(self) -> Any:
        self.asked += 1
        if self.away:
            raise JournalUnavailable("the journal's database failed (OperationalError)")
        assert self.stored
        return self.stored.all()


def find(keys: Keys, presented: str) -> Caller:
    return anyio.run(keys.find, presented)


def in_file(made: NewKey, **settings: Any) -> KeySettings:
    return KeySettings.model_validate({"hash": made.hash, "scopes": ["verify"], **settings})


def test_a_key_has_a_public_part_and_a_secret_of_160_bits() -> None:
    made = new_key()
    prefix, key_id, secret_part, check = made.text.split("_")
    assert (prefix, key_id) == ("fg", made.id)
    assert [len(key_id), len(secret_part), len(check)] == [12, 32, 7]
    assert set(key_id + secret_part + check) <= set(ALPHABET)
    assert secret_part not in repr(made)


def test_a_key_is_found_by_what_its_caller_presents(stored: StoredKeys) -> None:
    grant = Grant(scopes=("verify", "label"), routes=("kyc",), rate="20/second", budget="9.5/month")
    key, made = stored.create("onboarding", grant, None)
    caller = find(Keys(store=stored), made.text)
    assert (caller.id, caller.name) == (key.id, "onboarding")
    assert caller.scopes == {"verify", "label"}
    assert (caller.routes, caller.operations) == (("kyc",), None)
    assert (caller.rate, caller.budget) == ((20, 1), (9.5, "month"))


@given(st.data())
def test_a_key_with_one_character_changed_is_refused_without_a_look(data: st.DataObject) -> None:
    made = new_key()
    place = data.draw(st.integers(0, len(made.text) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda each: each != made.text[place]))
    wrong = made.text[:place] + letter + made.text[place + 1 :]
    watched: Any = Watched()
    with pytest.raises(KeyRefused, match="a letter of it wrong"):
        find(Keys(store=watched), wrong)
    assert not watched.asked


@pytest.mark.parametrize("presented", ["", "fg_", "x" * 10_000, "fg_ä_b_c"])
def test_what_is_no_key_is_refused(presented: str) -> None:
    with pytest.raises(KeyRefused):
        find(Keys(), presented)


def test_a_wrong_id_takes_the_same_steps_as_a_wrong_secret(
    stored: StoredKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []

    def counted(one: str, other: str) -> bool:
        compared.append(len(one))
        return hmac.compare_digest(one, other)

    key, _ = stored.create("team", VERIFY, None)
    watched: Any = Watched(stored)
    keys = Keys(store=watched)
    monkeypatch.setattr(module, "hmac", type("hmac", (), {"compare_digest": counted}))
    steps = []
    for presented in (new_key(), new_key(key.id)):  # nobody's id; a secret that is not its own
        with pytest.raises(KeyRefused, match="not known, void or revoked"):
            find(keys, presented.text)
        steps.append(list(compared))
        compared.clear()
    assert steps[0] == steps[1] == [64, 64]
    assert watched.asked == 1  # one look serves all ids of a second


def test_what_is_kept_is_no_secret(kept: Journal, tmp_path: Path) -> None:
    _, made = StoredKeys(kept.store).create("team", VERIFY, None)
    _, _, secret_part, _ = made.text.split("_")
    for file in tmp_path.iterdir():
        assert secret_part.encode() not in file.read_bytes()
    assert made.hash not in repr(StoredKeys(kept.store).all())


def test_a_revoked_key_is_refused_within_a_second(stored: StoredKeys) -> None:
    key, made = stored.create("team", VERIFY, None)
    clock = Clock()
    keys = Keys(store=stored, clock=clock)
    assert find(keys, made.text).id == key.id
    stored.revoke(key.id, None)  # by another process
    clock.now += 1
    with pytest.raises(KeyRefused):
        find(keys, made.text)
    with pytest.raises(KeyRefused):
        anyio.run(keys.known, key.id)


def test_a_rotated_key_has_two_secrets_until_the_overlap_ends(stored: StoredKeys) -> None:
    key, old = stored.create("team", VERIFY, None)
    _, new = stored.rotate(key.id, timedelta(hours=1), None)
    assert find(Keys(store=stored), old.text).id == find(Keys(store=stored), new.text).id == key.id
    _, newest = stored.rotate(key.id, timedelta(0), None)
    assert find(Keys(store=stored), newest.text).id == key.id
    for void in (old, new):
        with pytest.raises(KeyRefused):
            find(Keys(store=stored), void.text)


def test_a_revoked_key_is_not_rotated_back_to_life(stored: StoredKeys) -> None:
    key, _ = stored.create("team", VERIFY, None)
    stored.revoke(key.id, None)
    with pytest.raises(NoSuchKey):
        stored.rotate(key.id, timedelta(hours=1), None)
    with pytest.raises(NoSuchKey):
        stored.revoke("aaaaaaaaaaaa", None)


def test_a_key_is_void_after_its_last_day(stored: StoredKeys) -> None:
    today = datetime.now(UTC).date()
    _, good = stored.create("today", Grant(scopes=("verify",), expires=today), None)
    ended = today - timedelta(days=1)
    key, void = stored.create("yesterday", Grant(scopes=("verify",), expires=ended), None)
    assert find(Keys(store=stored), good.text).name == "today"
    with pytest.raises(KeyRefused):
        find(Keys(store=stored), void.text)
    with pytest.raises(KeyRefused):
        anyio.run(Keys(store=stored).known, f"{key.id}:{void.hash[:16]}")


def test_a_moment_to_expire_at_needs_its_zone() -> None:
    said = {"scopes": ["verify"], "expires": "2027-01-01"}
    assert Grant.model_validate(said).expires == date(2027, 1, 1)
    with pytest.raises(ValidationError, match="needs its zone"):
        Grant(scopes=("verify",), expires=datetime(2027, 1, 1))


def test_keys_that_cannot_be_looked_up_let_nobody_in(stored: StoredKeys) -> None:
    _, made = stored.create("team", VERIFY, None)
    watched: Any = Watched(stored)
    clock = Clock()
    keys = Keys(store=watched, clock=clock)
    find(keys, made.text)
    watched.away = True
    clock.now += 1
    for _ in range(3):
        with pytest.raises(JournalUnavailable) as refused:
            find(keys, made.text)
        assert refused.value.http_status == 503
    assert watched.asked == 2  # once for the three: nobody waits in line for what is away
    watched.away = False
    clock.now += 1
    assert find(keys, made.text).name == "team"


def test_without_any_key_there_is_none_and_a_revoked_one_is_one(stored: StoredKeys) -> None:
    assert not anyio.run(Keys().exist)
    assert not anyio.run(Keys(store=stored).exist)
    key, _ = stored.create("team", VERIFY, None)
    stored.revoke(key.id, None)
    assert anyio.run(Keys(store=stored).exist)  # else revoking the last would open the service


def test_a_key_in_the_file_goes_by_its_name(tmp_path: Path) -> None:
    made = new_key()
    file = tmp_path / "onboarding.sha256"
    file.write_text(f"{made.hash}\n")
    settings = KeySettings(hash_file=str(file), scopes=("verify",))
    keys = Keys({"onboarding": settings})
    assert find(keys, made.text).id == "onboarding"
    assert anyio.run(keys.known, find(keys, made.text).session).name == "onboarding"
    assert anyio.run(keys.exist)


def test_a_key_of_the_file_is_replaced_without_a_restart(tmp_path: Path) -> None:
    leaked, fresh_one = new_key(), new_key()
    keys = Keys({"team": in_file(leaked)})
    session = find(keys, leaked.text).session
    with pytest.raises(ConfigurationError):
        keys.replace({"team": KeySettings(scopes=("verify",))})
    assert find(keys, leaked.text).id == "team"
    keys.replace({"team": in_file(fresh_one)})
    assert find(keys, fresh_one.text).id == "team"
    with pytest.raises(KeyRefused):
        find(keys, leaked.text)
    with pytest.raises(KeyRefused):
        anyio.run(keys.known, session)


def test_admin_is_for_everything() -> None:
    with pytest.raises(ValidationError, match="all routes and operations"):
        Grant(scopes=("admin",), routes=("kyc",))


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"local": in_file(new_key())}, "keys.local: that name is for this machine"),
        ({"team": KeySettings(scopes=("verify",))}, "keys.team: give hash or hash_file"),
        ({"team": in_file(new_key(), hash="secret")}, "keys.team: not a SHA-256 in hex"),
        ({"team": in_file(new_key(), hash=None, hash_file="gone")}, "cannot read the file"),
    ],
)
def test_a_key_in_the_file_that_could_not_be_used_is_named(
    keys: dict[str, KeySettings], why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why):
        Keys(keys)


def test_one_hash_is_not_two_keys() -> None:
    made = new_key()
    with pytest.raises(ConfigurationError, match="two keys have the same hash"):
        Keys({"one": in_file(made), "two": in_file(made)})


def test_what_is_done_to_a_key_is_in_the_journal(kept: Journal) -> None:
    stored = StoredKeys(kept.store)
    key, _ = stored.create("team", VERIFY, "aaaaaaaaaaaa")
    stored.rotate(key.id, timedelta(hours=1), None)
    stored.revoke(key.id, "aaaaaaaaaaaa")
    with kept.store.reading() as connection:
        records = list(kept.store.chain(connection))
    details = [each.content["detail"] for each in records if each.kind == "key"]
    assert details == [
        f'{{"key": "{key.id}", "name": "team", "act": "{act}"}}'
        for act in ("create", "rotate", "revoke")
    ]
    assert [each.content.get("caller") for each in records if each.kind == "key"] == [
        "aaaaaaaaaaaa",
        None,
        "aaaaaaaaaaaa",
    ]
    assert not kept.verify().problems


def test_a_shared_secret_is_the_same_for_everybody_and_drawn_once(kept: Journal) -> None:
    first = secret(kept.store, "console")
    assert len(first) == 32
    assert secret(kept.store, "console") == first != secret(kept.store, "attempts")
