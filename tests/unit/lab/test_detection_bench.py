from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pytest
from typer import Typer
from typer.testing import CliRunner

from pipeline.cli.bench_detection import detection
from pipeline.detection.budget import Budget, ScoreThresholds
from pipeline.detection.detection_settings import DetectionSettings
from pipeline.history import HISTORY_DAYS
from pipeline.lab.detection_bench.calibration import calibrate, encode_table, thresholds_at
from pipeline.lab.detection_bench.delays import DetectionBench, goal_days, run_detection_bench, watch_delays
from pipeline.lab.detection_bench.oracle import Oracle, evidence, fitted_size
from pipeline.lab.detection_bench.simulated import (
    Scenario,
    Simulated,
    kept_rates,
    member_rates,
    simulate,
    weekday_shares,
)
from pipeline.lab.detection_bench.watching import FIRST_BOUNDARY, OPEN_DAYS, count_raised, history_at, years

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MONDAY = (date(2023, 2, 6) - date(1970, 1, 1)).days


def made(scenario: Scenario, *, communities: int = 40, days: int = 120, onset: int = 28, seed: int = 5) -> Simulated:
    return simulate(scenario, communities, days, onset, FIRST_BOUNDARY, np.random.default_rng(seed))


@pytest.mark.parametrize("level", [5, 10, 30, 100])
def test_simulated_communities_are_like_those_of_the_archives(level: int) -> None:
    made_up = made(Scenario(level), onset=120)
    weekly, daily = made_up.weekly[:, 6:], made_up.daily[:, 6:]
    assert weekly.mean() == pytest.approx(level, rel=0.05)
    # Daily participants over a week are 1.4 to 1.9 times the distinct ones, their variance is about twice the mean.
    assert 1.4 <= 7 * daily.mean() / weekly.mean() <= 1.9
    weekdays = [daily[:, start::7] for start in range(7)]
    assert 1.6 <= np.mean([counts.var() / counts.mean() for counts in weekdays]) <= 2.8
    assert made_up.expected[6:].mean() == pytest.approx(daily.mean(), rel=0.05)


def test_distinct_participants_of_a_week_lie_between_those_of_its_best_day_and_their_sum() -> None:
    made_up = made(Scenario(10))
    windows = np.lib.stride_tricks.sliding_window_view(made_up.daily, 7, axis=1)
    distinct = made_up.weekly[:, 6:]
    assert (distinct >= windows.max(axis=2)).all()
    assert (distinct <= windows.sum(axis=2)).all()
    assert (distinct < windows.sum(axis=2)).any()


@pytest.mark.parametrize("drop", [0.5, 0.3, 0.0])
def test_participants_fall_to_the_share_of_the_drop_from_the_onset_on(drop: float) -> None:
    # HISTORY_DAYS at 30 ... onset ... 7 days later the week holds the new level alone
    made_up = made(Scenario(30, drop), days=120, onset=20)
    onset = HISTORY_DAYS - 1 + 20
    assert made_up.onset == onset
    assert made_up.daily[:, onset:].mean() == pytest.approx(drop * made_up.daily[:, :onset].mean(), rel=0.06)
    assert made_up.weekly[:, onset + 7 :].mean() == pytest.approx(drop * 30, rel=0.06)


def test_members_who_stay_carry_the_share_of_the_drop() -> None:
    rates = member_rates(30, weekday_shares(MONDAY, 7, 0.4), 4.0)
    staying = kept_rates(rates, 0.3)
    assert (rates * staying).sum() == pytest.approx(0.3 * rates.sum())
    assert 0.1 < (staying > 0).mean() < 0.6
    assert not kept_rates(rates, 0.0).any()


def test_weekends_have_their_share_and_a_week_is_one_on_average() -> None:
    shares = weekday_shares(MONDAY, 14, 0.5)
    assert shares.sum() == pytest.approx(14)
    assert shares[5] == pytest.approx(0.5 * shares[0])
    assert shares[4] == shares[0]
    assert shares[6] == shares[5]


def test_with_autocorrelation_a_week_resembles_the_one_before() -> None:
    def resemblance(autocorrelation: float) -> float:
        weeks = made(Scenario(30, autocorrelation=autocorrelation), days=364, onset=364).weekly[:, 6::7]
        around = weeks - weeks.mean(axis=1, keepdims=True)
        return float((around[:, 1:] * around[:, :-1]).mean() / around.var())

    assert abs(resemblance(0.0)) < 0.08
    assert resemblance(0.3) > 0.15


def test_the_same_seed_makes_the_same_communities() -> None:
    first, again, other = (made(Scenario(10), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.weekly, again.weekly)
    assert not np.array_equal(first.weekly, other.weekly)


def test_the_history_of_a_day_ends_with_that_day() -> None:
    made_up = made(Scenario(10))
    history = history_at(made_up, HISTORY_DAYS + 10)
    assert history.boundary_day == FIRST_BOUNDARY + 11
    assert history.participants_7_days.shape == (40, HISTORY_DAYS)
    assert np.array_equal(history.participants_7_days[:, -1], made_up.weekly[:, HISTORY_DAYS + 10])


def test_the_oracle_gives_the_alarms_it_is_allowed_and_finds_a_drop_within_days() -> None:
    quiet = made(Scenario(30), communities=80, days=OPEN_DAYS, onset=OPEN_DAYS)
    oracle = Oracle.of(0.3, quiet)
    threshold = oracle.threshold(10)
    assert 5 <= oracle.false_alarms(threshold) <= 10
    assert oracle.threshold(2) > threshold
    days = oracle.days(made(Scenario(30, 0.3)), threshold)
    assert days.min() >= 1
    assert np.median(days) <= 9


def test_one_act_proves_to_the_oracle_that_a_community_is_not_silent() -> None:
    made_up = made(Scenario(10, 0.0))
    steps = evidence(made_up, 0.0, fitted_size(made_up))
    assert np.isneginf(steps[made_up.daily > 0]).all()
    assert (steps[made_up.daily == 0] > 0).all()


def test_the_watch_of_a_silence_comes_after_it_and_the_clearer_the_sooner() -> None:
    silent = watch_delays(made(Scenario(30, 0.0)), DetectionSettings())
    fallen = watch_delays(made(Scenario(30, 0.3)), DetectionSettings())
    assert silent.min() >= 1
    assert np.median(silent) <= 7
    assert np.median(silent) < np.median(fallen) <= 28


def test_stricter_scores_give_fewer_false_alarms() -> None:
    quiet = made(Scenario(5, autocorrelation=0.3), days=200, onset=200)
    lax, strict = (count_raised(quiet, DetectionSettings(likelihood_score=score)) for score in (1.5, 3.5))
    assert strict < lax
    assert years(quiet) == pytest.approx(40 * 200 / 365.25)


def test_goals_are_set_where_they_are_fair() -> None:
    assert goal_days(30, 0.5, 10.0) == 16.0
    assert goal_days(5, 0.5, 40.0) is None
    assert goal_days(100, 0.3, 2.0) is None
    assert goal_days(100, 0.0, 1.0) == 5.0
    assert goal_days(5, 0.0, 12.0) == 24.0
    assert goal_days(10, 0.5, None) is None


def test_the_bench_sets_the_watch_beside_the_oracle() -> None:
    found = run_detection_bench(20, 0.0, 1, DetectionSettings(), levels=(30,))
    assert [(delay.level, delay.drop) for delay in found.delays] == [(30, 0.5), (30, 0.3), (30, 0.0)]
    silence = found.delays[2]
    assert silence.oracle_days is not None
    assert silence.watch_days is not None
    assert silence.watch_days >= silence.oracle_days
    assert silence.ratio == silence.watch_days / silence.oracle_days
    assert silence.not_found_share == 0.0
    assert found.goals_met is all(delay.met is not False for delay in found.delays)


def test_a_calibration_rises_with_the_rate_and_is_read_back() -> None:
    table = calibrate(200, 3, DetectionSettings(), scores=(1.5, 2.0, 2.5))
    rates = [row.false_alarms_per_community_year for row in table]
    assert len(rates) == 3
    assert rates == sorted(set(rates))
    scores = [row.thresholds.likelihood_score for row in table]
    assert scores == sorted(scores, reverse=True)
    assert msgspec.json.decode(encode_table(table), type=list[Budget])[-1].thresholds == table[-1].thresholds


def test_all_thresholds_move_together() -> None:
    assert thresholds_at(2.5) == ScoreThresholds(likelihood_score=2.5, silence_score=20.0, fast_score=3.3)


def test_the_command_prints_the_table_the_rates_and_the_verdict(tmp_path: Path) -> None:
    app, target = Typer(), tmp_path / "detection.json"
    app.command()(detection)
    result = CliRunner().invoke(app, ["--communities", "10", "--seed", "3", "--json", str(target)])
    assert result.exit_code == 0, result.output
    assert "level" in result.stdout
    assert "community-years" in result.stdout
    assert "oals are m" in result.stdout.replace("\n", " ")
    found = msgspec.json.decode(target.read_bytes(), type=DetectionBench)
    assert len(found.delays) == 12
