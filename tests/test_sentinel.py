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
from calibrations import written
from canaries import GENUINE, Roost
from drawn import picture
from facegate import ImageFormat
from facegate.cli import main as cli
from facegate.errors import ConfigurationError, ConsentRefused, ProviderUnavailable
from installed import Site

ANOTHER = picture(ImageFormat.JPEG, size=(100, 77), seed=9)


@pytest.fixture
def roost(here: Path, site: Site, capsys: pytest.CaptureFixture[str]) -> Roost:
    return Roost(here, site, capsys)


def last(roost: Roost) -> Any:
    """The last round of the one provider."""
    return roost.standing()["periods"][-1]["rounds"][-1]


def changed(roost: Roost, **said: Any) -> None:
    """A provider that is known to have changed."""
    roost.run("baseline", "--rounds", "2")
    roost.say(**{"genuine": 0.53, **said})
    assert roost.run("run")[0] == 3


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


def test_consent_is_asked_for_as_of_anybody(roost: Roost) -> None:
    roost.write(
        {"genuine": ("genuine", 100)}, consent_purpose="tests", consent_recipients="Else Ltd"
    )
    with closing(roost.opened()) as sentinel, pytest.raises(ConsentRefused, match="Moody Ltd"):
        sentinel.baseline("main", 2)
    assert not (roost.folder / "seen").exists()


def test_a_canary_whose_consent_covers_the_vendor_is_asked(roost: Roost) -> None:
    roost.write(
        {"genuine": ("genuine", 100), "live": ("live", 103)},
        consent_purpose="tests",
        consent_recipients="Moody Ltd",
        subject="anna",
    )
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    assert roost.run("run")[0] == 0


def test_where_a_route_asks_for_consent_canaries_have_one(roost: Roost) -> None:
    roost.configure(more='[routes.kyc]\nto = "main"\nrequire_consent = true')
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canary genuine has no consent" in err


def test_no_vendor_knows_a_canary_by_its_bytes(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "3")
    seen = (roost.folder / "seen").read_text().split()
    assert len(seen) == len(set(seen)) == 12


def test_other_canaries_need_another_baseline(roost: Roost) -> None:
    roost.run("baseline", "--rounds", "2")
    (roost.folder / "genuine-probe.jpg").write_bytes(ANOTHER)
    code, _, err = roost.run("run")
    assert code == 5
    assert "the canaries of main are others than those of its baseline" in err
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    assert roost.run("run")[0] == 0


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


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a,genuine,genuine-probe.jpg,", "genuine is said of two pictures"),
        ("a,live,live-probe.jpg,live-gallery.jpg", "live is said of one picture"),
        ("a,friend,live-probe.jpg,", "purpose 'friend' is none of"),
        (",live,live-probe.jpg,", "it has no id"),
        ('"a\x1b[31m",live,live-probe.jpg,', "it has no id that can be printed"),
        ("a,live,https://example.com/a.jpg,", "a canary's pictures are files"),
        ("a,live,gone.jpg,", "cannot read"),
        ("a,live", "not as many values as there are columns"),
    ],
)
def test_a_file_of_canaries_that_is_wrong_names_the_line(
    roost: Roost, line: str, said: str
) -> None:
    (roost.folder / "canaries.csv").write_text(f"id,purpose,probe,gallery\n{line}\n")
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canaries.csv, line 2" in err
    assert said in err


@pytest.mark.parametrize(
    ("column", "hint"),
    [("consent_recipient", "consent_recipients"), ("providr", "provider"), ("Gallery", "gallery")],
)
def test_a_column_that_is_misspelt_is_none(roost: Roost, column: str, hint: str) -> None:
    roost.write({"live": ("live", 103)}, **{column: "Else Ltd"})
    code, _, err = roost.run("baseline")
    assert code == 2
    assert f"no column is called '{column}'" in err
    assert hint in err


def test_metadata_that_cannot_be_removed_is_not_sent(roost: Roost) -> None:
    heic = picture(ImageFormat.HEIC, size=(100, 90))
    (roost.folder / "genuine-probe.jpg").write_bytes(heic)
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canary genuine of main: probe: moody does not take HEIC without its metadata" in err
    assert not (roost.folder / "seen").exists()


def test_a_canary_of_a_question_that_a_provider_does_not_offer_is_left_out(roost: Roost) -> None:
    roost.configure(provider="alone = true")
    assert roost.run("baseline", "--rounds", "2")[0] == 0
    assert len((roost.folder / "seen").read_text().split()) == 2 * 3


def test_a_canary_with_more_pictures_than_a_provider_takes_is_named(roost: Roost) -> None:
    lines = (roost.folder / "canaries.csv").read_text().replace("gallery\n", "gallery,gallery_2\n")
    more = lines.replace("genuine-gallery.jpg", "genuine-gallery.jpg,live-gallery.jpg")
    (roost.folder / "canaries.csv").write_text(
        "\n".join(
            line if "genuine" in line or "gallery_2" in line else f"{line},"
            for line in more.split("\n")[:-1]
        )
        + "\n"
    )
    roost.configure(provider="alone = true")
    code, _, err = roost.run("baseline")
    assert code == 2
    assert "canary genuine of main: more than the 1 gallery pictures that it takes" in err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id;purpose;probe;gallery\n", "separated by commas"),
        ("id,purpose,probe,gallery,gallery\n", "two columns are called 'gallery'"),
        ("id,purpose,probe,gallery\n,,,\n", "no canaries that main could be asked about"),
    ],
)
def test_a_file_that_a_spreadsheet_wrote_is_explained(roost: Roost, text: str, said: str) -> None:
    (roost.folder / "canaries.csv").write_text(text)
    assert said in roost.run("baseline")[2].replace("\n", " ")


def test_two_canaries_have_two_names(roost: Roost) -> None:
    line = "a,live,live-probe.jpg,\n"
    (roost.folder / "canaries.csv").write_text(f"id,purpose,probe,gallery\n{line}{line}")
    assert "two canaries are called 'a'" in roost.run("baseline")[2]


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


def asked(roost: Roost, **how: Any) -> Any:
    """An answer to somebody, who looks like the genuine canary."""
    with facegate.open("facegate.toml") as verifier:
        return verifier.compare(ANOTHER, picture(ImageFormat.JPEG), **how)


def test_an_alarm_is_told_with_every_answer(roost: Roost) -> None:
    changed(roost)
    result = asked(roost)
    assert result.accepted
    assert "the model of main changed by" in result.warnings[-1]


def test_on_alarm_people_look_at_whom_it_would_accept(roost: Roost) -> None:
    roost.configure('on_alarm = "review"')
    changed(roost)
    result = asked(roost)
    assert str(result.decision) == "review"
    assert not result.match.is_match
    roost.say(genuine=0.1)
    assert str(asked(roost).decision) == "reject"


def test_on_alarm_a_provider_is_left_to_others(roost: Roost) -> None:
    backup = f'[providers.backup]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
    route = '[routes.kyc]\nfailover = ["main", "backup"]'
    roost.configure(
        'on_alarm = "leave"', more=f'default = "kyc"\n{backup}{route}'.partition("\n")[2]
    )
    changed(roost)
    with facegate.open("facegate.toml", route="kyc") as verifier:
        result = verifier.compare(ANOTHER, picture(ImageFormat.JPEG))
    assert result.provider == "backup"
    assert [each.provider for each in result.attempts] == ["backup"]
    with (
        facegate.open("facegate.toml", provider="main") as verifier,
        pytest.raises(ProviderUnavailable, match="facegate sentinel accept main"),
    ):
        verifier.compare(ANOTHER, picture(ImageFormat.JPEG))
    roost.run("accept", "main", "--reason", "measured anew", "--rounds", "2")
    with facegate.open("facegate.toml", provider="main") as verifier:
        assert verifier.compare(ANOTHER, picture(ImageFormat.JPEG)).accepted


KEY = {"plugin": "moody", "lineage": "moody-1", "match": {"name": "moody"}} | {
    "settings": {"mode": "FAST"}
}


def calibrated(roost: Roost, threshold: str = '"fmr:1e-3"', **parts: Any) -> None:
    """A provider whose thresholds are rates of a calibration: 0.8 keeps one in a thousand."""
    written(roost.folder, **{"key": KEY, **parts})
    roost.configure(provider=f"calibration = 'calibration.json'\nthreshold = {threshold}")
    roost.say(genuine=0.82, impostor=0.78)


def test_a_rate_that_was_measured_with_another_model_counts_no_more(roost: Roost) -> None:
    calibrated(roost)
    assert asked(roost).match.fmr == pytest.approx(1e-3)
    changed(roost, genuine=0.83, impostor=0.79)
    with pytest.raises(ProviderUnavailable, match="the rate that was asked for, of calibration"):
        asked(roost)


def test_a_number_goes_on_without_its_rate(roost: Roost) -> None:
    calibrated(roost, "0.8")
    changed(roost, genuine=0.83, impostor=0.79)
    result = asked(roost)
    assert result.accepted
    assert (result.match.fmr, result.match.calibration) == (None, None)


def test_what_a_change_does_to_rates_is_told(roost: Roost) -> None:
    calibrated(roost)
    changed(roost, genuine=0.88, impostor=0.83)
    found = last(roost)["materiality"]
    assert found["fmr_before"] == pytest.approx(8e-4)
    assert found["fmr_after"] == pytest.approx(8e-3)
    assert found["verdict"] == "recalibrate"


@pytest.mark.parametrize(
    ("threshold", "said", "before"),
    [("0.75", {"impostor": 0.92}, 8e-3), ("0.99", {"impostor": 0.97}, None)],
)
def test_a_rate_beyond_what_was_measured_is_no_small_one(
    roost: Roost, threshold: str, said: dict[str, float], before: float | None
) -> None:
    calibrated(roost, threshold)
    roost.say(genuine=0.995, impostor=0.6)
    changed(roost, **{"genuine": 0.995, **said})
    found = last(roost)["materiality"]
    assert found["fmr_before"] == (before and pytest.approx(before))
    assert found["fmr_after"] == pytest.approx(8e-3)
    assert found["verdict"] == ("recalibrate" if before else "unusable")


def test_a_change_is_accepted_with_a_calibration_made_since(roost: Roost) -> None:
    calibrated(roost)
    changed(roost, genuine=0.83, impostor=0.79)
    accept = ("accept", "main", "--reason", "measured anew", "--rounds", "2")
    code, _, err = roost.run(*accept)
    assert code == 5
    assert "was not made since main changed" in err
    written(roost.folder, key=KEY, made=roost.standing()["changed"][:10])
    assert roost.run(*accept)[0] == 0
    assert asked(roost).match.fmr is not None


def test_a_runtime_that_a_calibration_does_not_fit_is_noticed_all_the_same(roost: Roost) -> None:
    calibrated(roost, key=KEY | {"runtime": "one"})
    roost.say(genuine=0.82, impostor=0.78, runtime="one")
    roost.run("baseline", "--rounds", "2")
    roost.say(genuine=0.82, impostor=0.78, runtime="two")
    with pytest.raises(ConfigurationError, match="runtime"):
        facegate.open("facegate.toml")
    code, out, _ = roost.run("run")
    assert code == 3
    assert "runtime = 'two', not 'one'" in out


def checked(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    """``facegate check``: its exit code and what it printed."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", *options])
    return int(ended.value.code or 0), capsys.readouterr().out


def test_check_tells_the_price(roost: Roost, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = checked(capsys)
    assert code == 0
    assert "sentinel: main: 4 canaries, 1,460 questions a year, 73.00" in out
    _, out = checked(capsys, "--json")
    assert json.loads(out)["sentinel"] == [
        {"provider": "main", "canaries": 4, "rounds": 365.0, "cost": pytest.approx(73)}
    ]


def test_check_tells_of_an_engine_that_is_watched_by_another_name_alone(
    roost: Roost, capsys: pytest.CaptureFixture[str]
) -> None:
    roost.configure(
        more=f'[providers.again]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
        '[routes.kyc]\nto = "main"'
    )
    path = roost.folder / "facegate.toml"
    path.write_text("default = 'kyc'\n" + path.read_text())
    _, out = checked(capsys)
    assert "again has the engine of main, and an alarm of main does not reach it" in out


def test_check_tells_what_could_not_be_asked(
    roost: Roost, capsys: pytest.CaptureFixture[str]
) -> None:
    (roost.folder / "live-probe.jpg").unlink()
    code, out = checked(capsys)
    assert code == 5
    assert "sentinel of main" in out
    assert "canaries.csv, line 5: cannot read" in out


def test_a_trial_says_that_it_is_of_two_products(
    roost: Roost, capsys: pytest.CaptureFixture[str]
) -> None:
    split = "[routes.kyc]\nsplit = { main = 9, backup = 1 }"
    backup = f'[providers.backup]\nplugin = "moody"\nsays = "{roost.folder / "says.json"}"\n'
    roost.configure(more=f"{backup}{split}")

    def ask() -> None:
        with facegate.open("facegate.toml", route="kyc") as verifier:
            for number in range(9):
                verifier.compare(ANOTHER, picture(ImageFormat.JPEG), subject=f"user-{number}")

    ask()
    changed(roost)
    ask()
    with pytest.raises(SystemExit):
        cli.main(["ab", "report", "--route", "kyc", "--json"])
    found = json.loads(capsys.readouterr().out)["findings"]
    [said] = [each["text"] for each in found if each["about"] == "model"]
    assert f"The model of main changed by {roost.standing()['changed']}" in said


def test_a_standing_is_data(roost: Roost) -> None:
    changed(roost)
    assert json.dumps(roost.standing())
