"""The published schemas and their examples, as the contract tests read them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
FAMILIES = ("activity", "clock", "alert", "dead-letter")


def schema(family: str) -> Any:
    """The schema of a family of records."""
    return json.loads((SCHEMAS / f"{family}.v1.schema.json").read_text(encoding="utf-8"))


@cache
def validator(family: str) -> Draft202012Validator:
    """What tells whether a value keeps to the schema; references to the other schemas are resolved by file name."""
    resources = [(f"{each}.v1.schema.json", DRAFT202012.create_resource(schema(each))) for each in FAMILIES]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schema(family), registry=registry)


def examples(family: str, side: str) -> dict[str, Any]:
    """Name -> example; `side` is valid or invalid."""
    folder = SCHEMAS / "examples" / family / side
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def named_examples(side: str, families: tuple[str, ...] = FAMILIES) -> list[tuple[str, str, Any]]:
    """(family, name, example) of all families."""
    return [(family, name, value) for family in families for name, value in examples(family, side).items()]
