"""`elan config` shows what is in effect and where it came from, and no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Elan = Callable[..., Result]


def test_each_value_says_where_it_came_from(elan: Elan, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text("[kafka]\npartitions = 3\n", encoding="utf-8")
    result = elan("--config", file, "config", "--json", env={"ELAN_KAFKA_GROUP": "other"})
    assert result.exit_code == 0
    shown = orjson.loads(result.stdout)
    assert shown["kafka.partitions"] == {"value": 3, "from": str(file)}
    assert shown["kafka.group"] == {"value": "other", "from": "ELAN_KAFKA_GROUP"}
    assert shown["mode"] == {"value": "production", "from": "default"}


def test_the_table_hides_secrets_and_reads_no_markup(elan: Elan) -> None:
    environ = {"ELAN_REDIS_PASSWORD": "canary", "ELAN_NETWORKS": '{"[bold]acme": {}}', "COLUMNS": "200"}
    result = elan("config", env=environ)
    assert result.exit_code == 0
    assert "canary" not in result.stdout
    assert "********" in result.stdout


def test_a_wrong_setting_ends_with_2(elan: Elan) -> None:
    result = elan("config", env={"ELAN_KAFKA_PARTITIONS": "many"})
    assert result.exit_code == 2
    assert "kafka.partitions = 'many' (from ELAN_KAFKA_PARTITIONS)" in result.stderr
