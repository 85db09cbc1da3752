"""docs/settings.md, written from the settings themselves: `python -m pipeline.settings > docs/settings.md`."""

from __future__ import annotations

from typing import Any

import orjson

from pipeline.settings.checks import WEIGHTED_KINDS
from pipeline.settings.keys import TABLE_KEYS, Key, keys
from pipeline.settings.sections import NetworkSettings, Settings

INTRODUCTION = """\
# Settings

<!-- Written by `python -m pipeline.settings`; change pipeline/settings/, not this page. -->

Élan reads its settings once, at the start of a command. A variable wins over the file, the file over the default.

- **File**: TOML; the one of `elan --config FILE`, else of the variable `ELAN_CONFIG`, else `elan.toml` in the present
  folder if it is there. A key such as `kafka.partitions` is key `partitions` of table `[kafka]`.
- **Variables**: as in the tables below. An empty one counts as not set.
- **Secrets**: rather than the variable itself set the one with `_FILE` at its end, to the name of a file that holds
  nothing but the secret (`ELAN_REDIS_PASSWORD_FILE=/run/secrets/redis`); blanks around it are dropped.

An unknown key or variable and an impossible value end the command with one sentence and exit code 2. `elan config`
shows what is in effect and where each value came from, with secrets hidden.

```toml
# elan.toml
[kafka]
bootstrap_servers = "kafka-1:9092,kafka-2:9092"
partitions = 16
replication_factor = 3

[redis]
url = "rediss://redis.internal:6379/0"

[networks.acme]
time_zone = "Europe/Paris"
country = "FR"
```
"""
HEADER = "| key | variable | default | meaning |\n| --- | --- | --- | --- |"


def settings_page() -> str:
    """The whole page, in Markdown."""
    parts = [INTRODUCTION]
    for section in dict.fromkeys(key.name.partition(".")[0] for key in keys()):
        rows = [_row(key) for key in keys() if key.name.partition(".")[0] == section]
        parts.append("\n".join([f"## {section}", *_meaning(section), "", HEADER, *rows]) + "\n")
        if section == "networks":
            fields = ", ".join(f"`{field}`" for field in NetworkSettings.model_fields)
            parts.append(f"Each network is a table `[networks.NAME]` with any of {fields}, as in network_default.\n")
        if section == "scoring":
            parts.append(f"Kinds that have a weight: {', '.join(WEIGHTED_KINDS)}.\n")
    return "\n".join(parts)


def _meaning(section: str) -> list[str]:
    """What a section's class says of it; single keys say it in their row."""
    model = Settings.model_fields[section].annotation
    lines = (getattr(model, "__doc__", None) or "").strip().splitlines()
    return (
        ["", lines[0]] if isinstance(model, type) and lines and section not in TABLE_KEYS and section != "mode" else []
    )


def _row(key: Key) -> str:
    variable = (
        f"`{key.variable}`" + (" or `…_FILE`" if key.secret else "") + (" (JSON)" if key.name in TABLE_KEYS else "")
    )
    meaning = " ".join(key.meaning.split()).replace("|", "\\|")
    return f"| `{key.name}` | {variable} | {_default(key.default)} | {meaning} |"


def _default(value: Any) -> str:
    if value is None or value == {}:
        return "none"
    return f"`{value if isinstance(value, str) else orjson.dumps(value).decode()}`"
