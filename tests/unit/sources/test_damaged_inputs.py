"""What is cut off, broken or of another kind ends with one sentence that names file and place."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest

from pipeline.errors import InputError
from tests.unit.sources.made_exports import in_folder, read, slack, zipped

if TYPE_CHECKING:
    from pathlib import Path

LINE = (
    json.dumps({"id": "a", "time": "2024-03-04T09:00:00Z", "kind": "post", "community": "general", "actor": "u1"})
    + "\n"
)
MESSAGE = {"type": "message", "user": "U1", "ts": "1709542800.000100"}


def test_a_gzip_cut_in_the_middle_names_the_last_whole_line(tmp_path: Path) -> None:
    lines = [LINE.replace('"a"', f'"a{number}"') for number in range(20_000)]
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress("".join(lines).encode())[:-2000])
    with pytest.raises(InputError, match=r"cut\.jsonl\.gz is cut in the middle, after line \d+; fetch it again\."):
        read("jsonl", path)


def test_a_gzip_with_broken_bytes_is_said_to_be_damaged(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(LINE.encode() * 10))
    packed[-8:-4] = b"\0\0\0\0"  # the checksum
    (tmp_path / "bad.jsonl.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"is damaged after line \d+ \(CRC check failed"):
        read("jsonl", tmp_path / "bad.jsonl.gz")


def test_a_flat_file_cut_in_its_last_line_names_that_line(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl").write_text(LINE + LINE[:30])
    with pytest.raises(InputError, match=r"cut\.jsonl is cut in the middle, at line 2"):
        read("jsonl", tmp_path / "cut.jsonl")


@pytest.mark.parametrize("content", [LINE.encode("utf-16"), b"a text without an end"], ids=["utf-16", "text"])
def test_a_file_of_another_kind_is_not_said_to_be_cut(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "other.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=r"nothing that jsonl can read \(not JSON, .*:1\); is it another source"):
        read("jsonl", tmp_path / "other.jsonl")


DEEP = "[" * 5_000 + "]" * 5_000


def test_what_is_nested_too_deeply_is_rejected_in_a_line_and_named_in_an_export(tmp_path: Path) -> None:
    (tmp_path / "deep.jsonl").write_text(LINE + LINE.replace("}", f', "other": {DEEP}}}'))
    activities, report = read("jsonl", tmp_path / "deep.jsonl")
    assert (len(activities), report.rejected) == (1, {"nested too deeply": 1})
    (tmp_path / "C1").mkdir()
    (tmp_path / "channels.json").write_text('[{"id": "C1", "name": "C1"}]')
    (tmp_path / "users.json").write_text("[]")
    (tmp_path / "C1" / "2024-03-04.json").write_text(f'[{json.dumps(MESSAGE)[:-1]}, "other": {DEEP}}}]')
    with pytest.raises(InputError, match=r"holds JSON at C1/2024-03-04\.json that is nested too deeply"):
        read("slack-export", tmp_path)


def test_a_last_line_without_newline_is_whole_when_it_is_valid(tmp_path: Path) -> None:
    (tmp_path / "whole.jsonl").write_text(LINE + LINE.strip())
    assert len(read("jsonl", tmp_path / "whole.jsonl")[0]) == 2


def test_a_zip_cut_off_is_said_to_be(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cut.zip", slack([MESSAGE]))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"cut\.zip is no zip file or is cut off"):
        read("slack-export", path)


def test_a_zip_with_broken_bytes_names_the_document(tmp_path: Path) -> None:
    path = zipped(tmp_path / "bad.zip", slack([MESSAGE] * 50))
    data = bytearray(path.read_bytes())
    start = data.index(b"general/2024-03-04.json") + len(b"general/2024-03-04.json")
    data[start + 10 : start + 30] = bytes(20)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"bad\.zip is damaged at general/2024-03-04\.json"):
        read("slack-export", path)


def test_a_document_cut_in_the_middle_is_named(tmp_path: Path) -> None:
    whole = json.dumps([MESSAGE] * 3)
    path = zipped(tmp_path / "acme.zip", slack([], **{"general/2024-03-05.json": whole[:-20]}))
    with pytest.raises(InputError, match=r"no valid JSON at general/2024-03-05\.json \(Input data was truncated\)"):
        read("slack-export", path)


def test_a_document_of_another_shape_is_rejected_and_the_others_go_on(tmp_path: Path) -> None:
    path = in_folder(tmp_path / "acme", slack([MESSAGE], **{"general/2024-03-03.json": {"ok": False}}))
    activities, report = read("slack-export", path)
    assert len(activities) == 2
    assert report.places == {"not a list of records": ["general/2024-03-03.json:1"]}


@pytest.mark.parametrize("source", ["slack-export", "zulip-archive", "discourse-topics", "jsonl", "lecko"])
def test_a_missing_file_is_named(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError, match=r"missing\.zip"):
        read(source, tmp_path / "missing.zip")


def test_lines_cannot_be_read_from_a_zip_or_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a zip file, not lines"):
        read("jsonl", zipped(tmp_path / "acme.zip", slack([MESSAGE])))
    with pytest.raises(InputError, match="cannot be read"):
        read("jsonl", tmp_path)


def test_another_platforms_export_is_refused_with_the_first_place(tmp_path: Path) -> None:
    path = zipped(tmp_path / "acme.zip", slack([MESSAGE]))
    with pytest.raises(InputError, match=r"nothing that zulip-archive can read \(id is missing, general/.*:1\)"):
        read("zulip-archive", path)


def test_an_empty_flat_file_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    activities, report = read("jsonl", tmp_path / "empty.jsonl")
    assert activities == []
    assert report.activities == 0
