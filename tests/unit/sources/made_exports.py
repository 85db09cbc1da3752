"""Small exports made for a test, in the layout their platforms use."""

from __future__ import annotations

import json
import zipfile
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from pipeline.model import Activity, Kind
from pipeline.sources.registry import SOURCES
from pipeline.sources.report import ImportReport

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2024, 3, 4, 9, 0, tzinfo=timezone.utc)


def read(source: str, path: Path, network: str | None = "acme") -> tuple[list[Activity], ImportReport]:
    report = ImportReport()
    return list(SOURCES[source].read(path, network, report)), report


def zipped(path: Path, documents: dict[str, Any]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in documents.items():
            archive.writestr(name, document if isinstance(document, (str, bytes)) else json.dumps(document))
    return path


def in_folder(path: Path, documents: dict[str, Any]) -> Path:
    for name, document in documents.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(document), encoding="utf-8")
    return path


def slack(messages: list[Any], **more: Any) -> dict[str, Any]:
    """An export with one public channel and one day."""
    return {
        "channels.json": [{"id": "C1", "name": "general", "created": 1700000000, "creator": "U1"}],
        "users.json": [{"id": "U1", "is_bot": False}, {"id": "U9", "is_bot": True}],
        "general/2024-03-04.json": messages,
        **more,
    }


def an_activity(number: int = 0, minutes: float = 0, **more: Any) -> Activity:
    fields: dict[str, Any] = {
        "id": f"a{number}",
        "time": START + timedelta(minutes=minutes),
        "kind": Kind.POST,
        "network": "acme",
        "community": "general",
        "actor": "u1",
    }
    return Activity(**{**fields, **more})
