"""What is due: boundaries in order, no shard past a survey that has not taught yet."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.due import BOUNDARIES_A_STEP, Due, due_boundaries, due_survey, groups_of, low_watermark
from pipeline.kafka_topics import ActivityTopic
from pipeline.scoring.life import SURVEY_DAYS, survey_day
from pipeline.windows.redis_progress import Standing

FIRST_DAY = 20_000
TOPIC_ID = "topic-id"
SURVEY = survey_day(FIRST_DAY) + SURVEY_DAYS
SHARDS = (0, 1, 2, 3)


def due(judged: dict[int, int], passed_day: int, taught_day: int | None) -> list[Due]:
    return due_boundaries("acme", FIRST_DAY, passed_day, judged, SHARDS, taught_day)


def standings(*watermarks: float | None, of: str = TOPIC_ID) -> dict[str, Standing]:
    return {f"esn:{number}": Standing(7, None, None, passed, of) for number, passed in enumerate(watermarks)}


def topic(partitions: int) -> ActivityTopic:
    return ActivityTopic(TOPIC_ID, partitions)


def test_time_has_passed_where_it_has_passed_in_every_partition() -> None:
    assert low_watermark(standings(30.0, 10.0, 20.0), topic(3)) == 10.0


def test_a_partition_that_has_not_told_the_time_holds_up_all() -> None:
    assert low_watermark(standings(30.0, None), topic(2)) is None
    assert low_watermark(standings(30.0, 20.0), topic(3)) is None, "a partition that was added"


def test_partitions_that_the_topic_no_longer_has_hold_up_nobody() -> None:
    # made anew with two partitions instead of four
    assert low_watermark(standings(30.0, 20.0, 5.0, None), topic(2)) == 20.0


def test_what_was_counted_of_a_topic_of_the_same_name_says_nothing_of_the_new_one() -> None:
    assert low_watermark(standings(30.0, 20.0, of="the one before"), topic(2)) is None


def test_shards_of_a_small_network_are_judged_together_those_of_a_large_one_alone() -> None:
    assert groups_of(64, communities=3_200) == [range(64)]
    assert groups_of(64, communities=3_201) == [range(32), range(32, 64)]
    assert groups_of(64, communities=100_000) == [range(shard, shard + 2) for shard in range(0, 64, 2)]
    assert groups_of(64, communities=1_000_000) == [range(shard, shard + 1) for shard in range(64)]


@given(st.integers(1, 300), st.integers(0, 1_000_000))
def test_every_shard_is_judged_in_one_group(shards: int, communities: int) -> None:
    assert [shard for group in groups_of(shards, communities) for shard in group] == list(range(shards))


def test_a_new_network_is_judged_from_its_first_day_on() -> None:
    assert due({}, FIRST_DAY + 2, None) == [Due("acme", SHARDS, FIRST_DAY, FIRST_DAY + 2)]


def test_a_step_ends_at_a_survey_day() -> None:
    #  judged ─┤ 3 days ├─ survey ─┤ …
    standing = dict.fromkeys(SHARDS, SURVEY - 3)
    assert due(standing, SURVEY + 50, None) == [Due("acme", SHARDS, SURVEY - 2, SURVEY)]


def test_shards_on_a_survey_day_wait_for_the_others() -> None:
    standing = {0: SURVEY, 1: SURVEY, 2: SURVEY - 1, 3: SURVEY}
    assert due(standing, SURVEY + 50, None) == [Due("acme", (2,), SURVEY, SURVEY)]
    assert due_survey(FIRST_DAY, min(standing.values()), None) is None


def test_what_all_have_reached_is_learnt_from_once_and_then_lets_them_go_on() -> None:
    standing = dict.fromkeys(SHARDS, SURVEY)
    assert due(standing, SURVEY + 50, None) == []
    assert due_survey(FIRST_DAY, SURVEY, None) == SURVEY
    assert due_survey(FIRST_DAY, SURVEY, SURVEY) is None
    assert due(standing, SURVEY + 50, SURVEY) == [Due("acme", SHARDS, SURVEY + 1, SURVEY + BOUNDARIES_A_STEP)]


def test_a_survey_before_the_first_day_teaches_nothing_and_holds_up_nobody() -> None:
    assert due_survey(FIRST_DAY, FIRST_DAY + 1, None) is None


@given(st.dictionaries(st.sampled_from(SHARDS), st.integers(FIRST_DAY - 1, FIRST_DAY + 90)), st.integers(1, 120))
def test_judging_always_comes_to_an_end_with_all_shards_at_the_passed_day(judged: dict[int, int], days: int) -> None:
    # whatever shards have reached, in any order of workers: nobody waits for ever, nobody skips a survey
    passed_day, taught_day = FIRST_DAY + days, None
    standing = dict.fromkeys(SHARDS, FIRST_DAY - 1) | {s: min(day, passed_day) for s, day in judged.items()}
    # A shard beyond a survey means that it was learnt from.
    if survey_day(max(standing.values()) - 1) >= FIRST_DAY and max(standing.values()) > FIRST_DAY:
        standing = dict.fromkeys(SHARDS, FIRST_DAY - 1)
    for _ in range(200):
        survey = due_survey(FIRST_DAY, min(standing.values()), taught_day)
        taught_day = survey if survey is not None else taught_day
        steps = due(standing, passed_day, taught_day)
        if not steps:
            break
        step = steps[0]
        assert survey_day(step.last_day - 1) <= survey_day(step.first_day - 1) or step.last_day == survey_day(
            step.last_day
        )
        standing |= dict.fromkeys(step.shards, step.last_day)
    assert set(standing.values()) == {passed_day}
