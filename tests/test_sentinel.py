"""A provider is asked about the same pictures again and again, so that a new model is noticed."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from math import sin
from pathlib import Path
from typing import Any

import pytest

import facegate
from canaries import GENUINE, Roost, changed, last
from facegate.errors import ConfigurationError
from installed import Site


@pytest.fixture
def roost(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Roost:
    return Roost(here, site, capsys)


def test_a_provider_that_answers_as_before_did_not_change(roost: Roost) -> None:
    assert roost.run("baseline", "--rounds", "3")[0] == 0
    for _ in range(5):
        assert roost.run("run")[0] == 0
    standing = roost.standing()
    assert standing["changed"] is None
    assert standing["periods"][0]["exact"] is True
    assert len(standing["periods"][0]["rounds"]) == 5


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ({"genuine": 0.5200000001}, "genuine was 0.52 (accept), and is 0.5200000001 (accept)"),
        (
            {"impostor": "refuse"},
            "impostor was 0.48 (reject), and is refused (CaptureRejected: FACE_NOT_FOUND)",
        ),
        (
            {"refused": 0.4},
            "refused was refused (CaptureRejected: FACE_NOT_FOUND), and is 0.4 (reject)",
        ),
        ({"live": 0.89}, "live was 0.9 (accept), and is 0.89 (accept)"),
    ],
)
def test_of_an_exact_provider_any_other_answer_is_a_change(
    roost: Roost, what: dict[str, Any], shown: str
) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(**what)
    code, out, _ = roost.run("run")
    assert code == 3
    assert shown in out
    rounds = roost.standing()["periods"][0]["rounds"]
    assert [each["part"] for each in rounds] == ["watch", "repeat", "repeat"]
    assert rounds[0]["doubts"]
    assert rounds[1]["doubts"]
    assert rounds[2]["changes"]


def test_three_that_are_answered_otherwise_need_no_third_round(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine=0.53, impostor=0.47, live=0.8)
    assert roost.run("run")[0] == 3
    assert [each["part"] for each in roost.standing()["periods"][0]["rounds"]] == [
        "watch",
        "repeat",
    ]


def test_a_difference_that_does_not_come_again_is_no_alarm(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(once={GENUINE: 0.53})
    assert roost.run("run")[0] == 0
    watched, repeated = roost.standing()["periods"][0]["rounds"]
    assert watched["doubts"]
    assert not repeated["doubts"]
    assert "nothing changed; 2 rounds" in roost.run("status")[1]
    roost.say(once={GENUINE: 0.53})
    assert roost.run("run")[0] == 0


def test_of_two_versions_at_work_the_other_one_is_noticed(roost: Roost) -> None:
    canaries = {f"c{width}": ("genuine", width) for width in range(100, 110)}
    roost.write(canaries)
    usual = {str(width): 0.6 for width in range(100, 110)}
    (roost.folder / "says.json").write_text(json.dumps({"of": usual}))
    roost.run("baseline", "--rounds", "2")
    once = {"of": usual, "once": {str(width): 0.7 for width in range(100, 104)}}
    (roost.folder / "says.json").write_text(json.dumps(once))
    with closing(roost.opened()) as sentinel:

        def then(done: int, _of: int) -> None:
            if done == 10 and sentinel.journal.rounds.last("main") == 2:
                others = {"of": usual, "once": {str(width): 0.7 for width in range(105, 109)}}
                (roost.folder / "says.json").write_text(json.dumps(others))

        standing = sentinel.run("main", progress=then)
    assert standing is not None
    assert standing.changed is not None


def test_one_that_errs_once_hides_no_change_of_the_others(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(once={GENUINE: 0.53})
    assert roost.run("run")[0] == 0
    roost.say(genuine=0.57, impostor=0.53, live=0.95)
    assert roost.run("run")[0] == 3


def test_an_outage_of_the_repeat_hides_nothing(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine="down", once={GENUINE: 0.53})
    assert roost.run("run")[0] == 4
    roost.say(genuine=0.53)
    assert roost.run("run")[0] == 3


def test_a_round_that_was_cut_off_is_confirmed_by_the_next(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine=0.53)

    def stop(done: int, _of: int) -> None:
        if done == 4 and sentinel.journal.rounds.last("main") == 3:
            raise KeyboardInterrupt

    with closing(roost.opened()) as sentinel:
        with pytest.raises(KeyboardInterrupt):
            sentinel.run("main", progress=stop)
        found = sentinel.run("main")
    assert found is not None
    assert found.changed is not None
    assert found.period is not None
    parts = [str(each.part) for each in found.period.rounds[2:]]
    assert parts == ["watch", "watch", "repeat"]


def test_the_words_for_a_model_are_enough(roost: Roost) -> None:
    roost.say(engine="1.0", runtime="one")
    roost.run("baseline", "--rounds", "2")
    roost.say(engine="2.0", runtime="one")
    code, out, _ = roost.run("run")
    assert code == 3
    assert "answers are by '2.0', which the baseline never saw" in out
    assert "no decision changes: 0 of 3 scores moved" in out


def test_a_vendor_that_names_its_engine_no_more_is_noticed(roost: Roost) -> None:
    roost.say(engine="1.0")
    roost.write({"genuine": ("genuine", 100), "impostor": ("impostor", 101)})
    roost.run("baseline", "--rounds", "2")
    roost.say()
    code, out, _ = roost.run("run")
    assert code == 3
    assert "2 of 2 answers name no engine, as all did before" in out


def test_a_watch_that_nobody_keeps_is_no_healthy_one(roost: Roost) -> None:
    assert roost.run("status")[0] == 4
    roost.run("baseline", "--rounds", "2")
    code, out, _ = roost.run("status")
    assert (code, "OVERDUE" in out) == (0, False)
    with closing(sqlite3.connect("journal.db")) as database, database:
        database.execute("UPDATE facegate_turns SET asked = asked - 2 * 86400")
    code, out, _ = roost.run("status")
    assert code == 4
    assert "OVERDUE: the last round was at" in out


def test_another_runtime_is_a_change(roost: Roost) -> None:
    roost.say(runtime="one")
    roost.run("baseline", "--rounds", "2")
    roost.say(runtime="two")
    code, out, _ = roost.run("run")
    assert code == 3
    assert "it answers with runtime = 'two', not 'one'" in out


def test_a_threshold_that_a_vendor_moves_shows_at_the_border(roost: Roost) -> None:
    roost.say(verdicts=0.51)
    roost.run("baseline", "--rounds", "2")
    roost.say(verdicts=0.53)  # nobody is told a score
    code, out, _ = roost.run("run")
    assert code == 3
    assert "genuine was accept, and is reject" in out


def test_an_outage_is_no_change(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine="down")
    code, out, _ = roost.run("run")
    assert code == 4
    assert "no answer to 1 of 4" in out
    assert roost.standing()["changed"] is None
    roost.say()
    assert roost.run("run")[0] == 0


def test_an_outage_gives_no_baseline(roost: Roost) -> None:
    roost.say(live="down")
    code, _, err = roost.run("baseline", "--rounds", "2")
    assert code == 4
    assert "main: no answer to canary live (ProviderUnavailable)" in err
    assert roost.standing()["periods"] == []


def test_there_is_one_alarm_in_a_period(roost: Roost) -> None:
    changed(roost)
    since = roost.standing()["changed"]
    for _ in range(3):
        assert roost.run("run")[0] == 3
    standing = roost.standing()
    assert standing["changed"] == since
    assert [each["part"] for each in standing["periods"][0]["rounds"]] == [
        *("watch", "repeat", "repeat"),
        *["watch"] * 3,
    ]


def test_an_accepted_change_begins_a_new_period(roost: Roost) -> None:
    changed(roost)
    code, _, err = roost.run("baseline")
    assert code == 5
    assert "facegate sentinel accept main" in err
    code, out, _ = roost.run("accept", "main", "--reason", "read their notes", "--rounds", "2")
    assert code == 0
    assert "nothing changed" in out
    assert roost.run("run")[0] == 0
    assert [each["reason"] for each in roost.standing()["periods"]] == [
        "baseline",
        "read their notes",
    ]


def test_nothing_is_accepted_without_a_reason(roost: Roost) -> None:
    changed(roost)
    code, _, err = roost.run("accept", "main", "--reason", " ")
    assert code == 2
    assert "give a reason" in err


def test_nothing_is_accepted_that_did_not_change(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    code, _, err = roost.run("accept", "main", "--reason", "why not")
    assert code == 5
    assert "main is not known to have changed" in err


def test_how_much_a_change_matters(roost: Roost) -> None:
    changed(roost, genuine=0.525, impostor=0.485)
    assert last(roost)["materiality"] == {
        "verdict": "no decision changes",
        "moved": 2,
        "compared": 3,
        "largest": pytest.approx(0.005),
        "impostor_shift": pytest.approx(0.005),
        "genuine_shift": pytest.approx(0.005),
        "otherwise": [],
        **dict.fromkeys(("fmr_before", "fmr_after", "fnmr_before", "fnmr_after")),
    }


@pytest.mark.parametrize(
    ("said", "verdict"),
    [({"impostor": 0.51}, "recalibrate"), ({"impostor": 0.9, "genuine": 0.1}, "unusable")],
)
def test_a_decision_that_changes_matters(
    roost: Roost, said: dict[str, float], verdict: str
) -> None:
    changed(roost, **{"genuine": 0.52, **said})
    assert last(roost)["materiality"]["verdict"] == verdict


def noisy(number: int, **said: Any) -> dict[str, Any]:
    """What a noisy provider says in a round, the same in every run of the test."""
    usual = {"genuine": 0.52, "impostor": 0.48, "live": 0.9} | said
    return {
        name: value + 0.01 * sin((number + 1) * (place + 2) ** 2) if value != "refuse" else value
        for place, (name, value) in enumerate(usual.items())
    }


@pytest.mark.parametrize(
    "change", [{"genuine": 0.8, "impostor": 0.1}, {"genuine": "refuse", "impostor": "refuse"}]
)
def test_a_noisy_provider_is_watched_by_rounds(roost: Roost, change: dict[str, Any]) -> None:
    roost.configure('every = "1d"\nfalse_alarm_every = "100d"')
    roost.say(noise=0.01)
    roost.run("baseline", "--rounds", "2")
    with closing(roost.opened(draw=lambda: 0.5)) as sentinel:
        for number in range(40):
            odd = {"impostor": "refuse"} if number % 13 == 5 else {}  # now and then
            roost.say(**noisy(number, **odd))
            sentinel.run("main")
        usual = sentinel.standing("main")
        assert usual.period is not None
        assert not usual.period.is_exact
        assert usual.changed is None
        for number in range(40, 50):
            roost.say(**noisy(number, **change))
            sentinel.run("main")
        found = sentinel.standing("main")
    assert found.alarm is not None
    assert "its scores or refusals moved away from what is usual" in found.alarm.changes[0]


def test_canaries_cost_what_others_cost(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.run("run")
    assert "cost so far: 0.60" in roost.run("status")[1]
    assert last(roost)["cost"] == pytest.approx(0.2)


def test_rounds_are_records_that_no_report_counts(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    roost.run("run")
    with closing(roost.opened()) as sentinel:
        assert not sentinel.journal.verify().problems
        assert sentinel.journal.head().seq == 3
        assert list(sentinel.journal.rows()) == []


def test_only_one_asks(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    with closing(roost.opened()) as sentinel:
        assert sentinel.journal.rounds.take("main")
        code, _, err = roost.run("run")
        assert code == 5
        assert "somebody else is asking the canaries of main" in err
        sentinel.journal.rounds.give_back("main", asked=False)
    assert roost.run("run")[0] == 0


def test_a_round_is_asked_when_it_is_due(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    with closing(roost.opened()) as sentinel:
        assert sentinel.run("main", due=True) is None
    with closing(roost.opened(every=timedelta(microseconds=1))) as sentinel:
        assert sentinel.run("main", due=True) is not None


def test_one_provider_that_cannot_be_asked_is_no_reason_to_leave_out_another(roost: Roost) -> None:
    roost.configure(
        more=f'[providers.new]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"'
    )
    path = roost.folder / "facegate.toml"
    path.write_text(path.read_text().replace('["main"]', '["new", "main"]'))
    roost.run("baseline", "main", "--rounds", "2")
    code, out, err = roost.run("run")
    assert code == 5
    assert "main: nothing changed" in out
    assert "new has no baseline" in err
    roost.say(genuine=0.53)
    assert roost.run("run")[0] == 3
    code, out, _ = roost.run("run", "--json")
    assert code == 3
    assert [(each["provider"], "error" in each) for each in json.loads(out)] == [
        ("main", False),
        ("new", True),
    ]


def test_a_canary_without_an_answer_is_asked_once_more(roost: Roost) -> None:
    roost.say(once={GENUINE: "down"})
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    roost.say(once={GENUINE: "down"})
    assert roost.run("run")[0] == 0
    assert last(roost)["answered"] == 4


def test_a_limit_of_the_provider_is_waited_for(roost: Roost) -> None:
    roost.configure(provider="deadline_s = 0.2", more='[limits.main]\nrate = "3/second"')
    assert roost.run("baseline", "--rounds", "2")[0] == 0


def test_a_sentinel_needs_a_journal(roost: Roost) -> None:
    text = (roost.folder / "facegate.toml").read_text().replace("[journal]", "[batch]")
    (roost.folder / "facegate.toml").write_text(text.replace("url =", "root ="))
    with pytest.raises(ConfigurationError, match="sentinel: its rounds are kept in the journal"):
        facegate.open()


def test_a_sentinel_watches_providers_that_there_are(roost: Roost) -> None:
    roost.configure(sentinel="every = '6h'")
    text = (roost.folder / "facegate.toml").read_text().replace('["main"]', '["mian"]')
    (roost.folder / "facegate.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"sentinel.providers: .*'mian'.*main"):
        facegate.open()


def test_a_standing_is_data(roost: Roost) -> None:
    changed(roost)
    assert json.dumps(roost.standing())
