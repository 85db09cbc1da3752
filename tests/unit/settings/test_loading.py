"""Where settings come from, which source wins, and that nothing changes afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from pipeline.errors import SettingsError
from pipeline.settings import Settings, load_settings, require_pseudonym_key
from pipeline.settings.effective import HIDDEN, effective

if TYPE_CHECKING:
    from pathlib import Path

KEY = "a key of sixteen characters or more"


def toml(folder: Path, text: str) -> Path:
    file = folder / "elan.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_any_source_all_values_are_defaults() -> None:
    settings = load_settings(environ={})
    assert settings == Settings()
    assert settings.kafka.partitions == 8
    assert settings.origin("kafka.partitions") == "default"


def test_a_variable_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = toml(tmp_path, '[kafka]\npartitions = 4\ngroup = "of the file"\n')
    settings = load_settings(file, {"ELAN_KAFKA_PARTITIONS": "16"})
    assert (settings.kafka.partitions, settings.origin("kafka.partitions")) == (16, "ELAN_KAFKA_PARTITIONS")
    assert (settings.kafka.group, settings.origin("kafka.group")) == ("of the file", str(file))
    assert (settings.kafka.batch_records, settings.origin("kafka.batch_records")) == (20_000, "default")


def test_the_file_is_the_one_named_else_the_one_of_the_variable_else_the_one_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, other, named = tmp_path / "here", tmp_path / "other", tmp_path / "named"
    for number, folder in enumerate((here, other, named), start=1):
        folder.mkdir()
        toml(folder, f"[kafka]\npartitions = {number}\n")
    monkeypatch.chdir(here)
    variable = {"ELAN_CONFIG": str(other / "elan.toml")}
    assert load_settings(None, {}).kafka.partitions == 1
    assert load_settings(None, variable).kafka.partitions == 2
    assert load_settings(named / "elan.toml", variable).kafka.partitions == 3


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_settings(toml(tmp_path, "\ufeff[kafka]\npartitions = 4\n"), {}).kafka.partitions == 4


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load_settings(environ={"ELAN_REDIS_PASSWORD": "", "ELAN_KAFKA_PARTITIONS": ""}) == Settings()


@pytest.mark.parametrize("variable", ["ELAN_REQUIRE_SERVERS", "_ELAN_COMPLETE", "PATH"])
def test_variables_that_mean_something_else_are_left_alone(variable: str) -> None:
    assert load_settings(environ={variable: "1"}) == Settings()


def test_a_secret_may_lie_in_a_file_with_blanks_around_it(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(f"  {KEY}\n", encoding="utf-8")
    settings = load_settings(environ={"ELAN_PRIVACY_PSEUDONYM_KEY_FILE": str(secret)})
    assert require_pseudonym_key(settings) == KEY.encode()
    assert settings.origin("privacy.pseudonym_key") == "ELAN_PRIVACY_PSEUDONYM_KEY_FILE"


def test_weights_that_are_left_out_keep_their_default(tmp_path: Path) -> None:
    file = toml(tmp_path, "[scoring.weights]\npost = 9\nedit = 0\n")
    settings = load_settings(file, {"ELAN_SCORING_WEIGHTS": '{"post": 2.5}'})
    assert settings.scoring.weights == {**Settings().scoring.weights, "post": 2.5, "edit": 0}
    assert settings.origin("scoring.weights.post") == "ELAN_SCORING_WEIGHTS"
    assert settings.origin("scoring.weights.edit") == str(file)


def test_a_network_that_is_not_listed_has_the_default_ones(tmp_path: Path) -> None:
    file = toml(
        tmp_path,
        '[network_default]\ntime_zone = "Europe/Berlin"\n[networks."acme.eu"]\ncountry = "FR"\n',
    )
    settings = load_settings(file, {"ELAN_NETWORKS": '{"other": {"time_zone": "Asia/Tokyo"}}'})
    assert settings.network("unheard of").time_zone == "Europe/Berlin"
    assert (settings.network("acme.eu").country, settings.network("acme.eu").time_zone) == ("FR", "UTC")
    assert settings.network("other").time_zone == "Asia/Tokyo"


def test_settings_cannot_be_changed() -> None:
    settings = load_settings(environ={})
    with pytest.raises(ValidationError):
        settings.kafka.partitions = 3  # type: ignore[misc]
    with pytest.raises(ValidationError):
        settings.kafka = settings.kafka  # type: ignore[misc]


def test_secrets_show_nowhere() -> None:
    environ = {
        "ELAN_PRIVACY_PSEUDONYM_KEY": KEY,
        "ELAN_REDIS_URL": "redis://somebody:canary@localhost:6379/0",
        "ELAN_REDIS_PASSWORD": "canary",
    }
    settings = load_settings(environ=environ)
    rows = {row.key: row.value for row in effective(settings)}
    assert rows["privacy.pseudonym_key"] == HIDDEN
    assert rows["redis.url"] == "redis://***@localhost:6379/0"
    assert "canary" not in str(rows)
    assert KEY not in repr(settings)


def test_production_needs_a_pseudonym_key_and_development_does_not() -> None:
    with pytest.raises(SettingsError, match="ELAN_PRIVACY_PSEUDONYM_KEY_FILE"):
        require_pseudonym_key(load_settings(environ={}))
    known = require_pseudonym_key(load_settings(environ={"ELAN_MODE": "development"}))
    assert b"everybody-knows" in known
    own = {"ELAN_MODE": "development", "ELAN_PRIVACY_PSEUDONYM_KEY": KEY}
    assert require_pseudonym_key(load_settings(environ=own)) == KEY.encode()
