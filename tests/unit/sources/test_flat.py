from __future__ import annotations

import gzip
import json
import os
import stat
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cloudevents import MOST_COUNT
from pipeline.errors import SettingsError
from pipeline.model import Activity, Kind, TimePrecision
from pipeline.sources.flat_writer import encode_flat, write_flat
from pipeline.sources.lines import LARGEST_LINE_BYTES
from tests.unit.sources.made_exports import START, an_activity, read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NAMES = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30)
WITHOUT_SLASH = NAMES.map(lambda name: name.replace("/", "-"))
MAYBE = st.none() | NAMES
ACTIVITIES = st.builds(
    Activity,
    id=NAMES,
    time=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(timezone.utc)),  # noqa: DTZ001 - hypothesis adds the zone
    kind=st.sampled_from(Kind),
    network=WITHOUT_SLASH,
    community=NAMES,
    actor=NAMES,
    platform=WITHOUT_SLASH,
    communityname=MAYBE,
    object=MAYBE,
    inreplyto=MAYBE,
    author=MAYBE,
    mentions=st.none() | st.lists(NAMES, max_size=3),
    department=MAYBE,
    line=MAYBE,
    timeprecision=st.sampled_from(TimePrecision),
    bot=st.booleans(),
    count=st.integers(1, MOST_COUNT),
)


def line(**more: Any) -> dict[str, Any]:
    return {"id": "a1", "time": "2024-03-04T09:00:00Z", "kind": "post", "community": "general", "actor": "u1", **more}


def flat_file(path: Path, *lines: object) -> Path:
    text = "\n".join(given if isinstance(given, str) else json.dumps(given) for given in lines)
    path.write_text(text + "\n", encoding="utf-8")
    return path


@given(activities=st.lists(ACTIVITIES, max_size=5), ending=st.sampled_from([".jsonl", ".jsonl.gz"]))
def test_what_is_written_flat_is_read_back_equal(
    tmp_path_factory: pytest.TempPathFactory, activities: list[Activity], ending: str
) -> None:
    path = tmp_path_factory.mktemp("flat") / f"activities{ending}"
    assert write_flat(activities, str(path)) == len(activities)
    assert read("jsonl", path, None)[0] == activities


def test_times_that_no_worker_would_take_are_rejected(tmp_path: Path) -> None:
    times = ("1971-06-01", "1989-12-31", "1990-01-01", "2148-12-31", "2149-01-01", "2199-06-01")
    path = flat_file(tmp_path / "a.jsonl", *(line(time=f"{day}T00:00:00Z") for day in times))
    activities, report = read("jsonl", path)
    assert [activity.time.year for activity in activities] == [1990, 2148]
    assert report.places == {
        "time is before 1990": [f"{path}:1", f"{path}:2"],
        "time is after 2148": [f"{path}:5", f"{path}:6"],
    }


def test_times_of_any_offset_become_utc(tmp_path: Path) -> None:
    activities, _ = read("jsonl", flat_file(tmp_path / "a.jsonl", line(time="2024-03-04T10:00:00.5+01:00")))
    assert activities[0].time == START + timedelta(seconds=0.5)
    assert activities[0].time.tzinfo is timezone.utc


def test_unusable_lines_are_rejected_with_reason_and_place_and_the_others_go_on(tmp_path: Path) -> None:
    path = flat_file(
        tmp_path / "a.jsonl",
        line(),
        line(kind="shout"),
        line(time="2024-03-04T09:00:00"),
        line(time="yesterday"),
        line(count=0),
        "{",
        "[]",
        {"id": "a1"},
        "",
        line(community=""),
        line(id="a\tb"),
        line(actor="x" * 201),
        line(colour="green"),
    )
    activities, report = read("jsonl", path)
    assert len(activities) == 2
    assert {reason: [place.rsplit(":", 1)[1] for place in places] for reason, places in report.places.items()} == {
        "unknown kind": ["2"],
        "time has a wrong type or value": ["3", "4"],
        "count has a wrong type or value": ["5"],
        "not JSON": ["6"],
        "not an object": ["7"],
        "time is missing": ["8"],
        "community is empty, too long or has control characters": ["10"],
        "id is empty, too long or has control characters": ["11"],
        "actor is empty, too long or has control characters": ["12"],
    }


def test_only_the_first_places_of_a_reason_are_kept(tmp_path: Path) -> None:
    _, report = read("jsonl", flat_file(tmp_path / "a.jsonl", line(), *["{"] * 50))
    assert report.rejected == {"not JSON": 50}
    assert report.places["not JSON"] == [f"{tmp_path / 'a.jsonl'}:{number}" for number in (2, 3, 4)]


def test_a_network_must_be_in_the_line_or_given_and_the_given_one_wins(tmp_path: Path) -> None:
    path = flat_file(tmp_path / "a.jsonl", line(network="old"), line())
    assert [a.network for a in read("jsonl", path, "new")[0]] == ["new", "new"]
    activities, report = read("jsonl", path, None)
    assert [a.network for a in activities] == ["old"]
    assert report.rejected == {"network is missing (give --network)": 1}


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path) -> None:
    huge = line(actor="x" * (3 * LARGEST_LINE_BYTES))
    activities, report = read("jsonl", flat_file(tmp_path / "a.jsonl", line(), huge, line(id="a3")))
    assert [a.id for a in activities] == ["a1", "a3"]
    assert report.rejected == {f"line of more than {LARGEST_LINE_BYTES} bytes": 1}


def test_a_gzipped_file_is_known_by_its_bytes_not_its_name(tmp_path: Path) -> None:
    path = tmp_path / "no-ending"
    path.write_bytes(gzip.compress(json.dumps(line()).encode()))
    assert len(read("jsonl", path)[0]) == 1


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "marked.jsonl"
    path.write_bytes(pack(f"{json.dumps(line())}\n".encode("utf-8-sig")))
    activities, report = read("jsonl", path)
    assert (len(activities), report.rejects) == (1, 0)


@pytest.mark.parametrize("network", ["a\nb", "a/b", ""])
def test_a_network_of_no_usable_name_is_refused_before_anything_is_read(tmp_path: Path, network: str) -> None:
    with pytest.raises(SettingsError, match="no usable name"):
        read("jsonl", tmp_path / "missing.jsonl", network)


@pytest.mark.parametrize("field", ["network", "platform"])
def test_a_slash_where_it_would_part_names_is_rejected(tmp_path: Path, field: str) -> None:
    path = flat_file(tmp_path / "a.jsonl", line(network="acme"), line(**{"network": "acme", field: "a/b"}))
    activities, report = read("jsonl", path, None)
    assert len(activities) == 1
    assert report.rejected == {f"{field} is empty, too long or has control characters or a slash": 1}


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    target.write_text("before")

    def failing() -> Iterator[Activity]:
        yield an_activity()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_flat(failing(), str(target))
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_that_is_replaced_keeps_its_mode_and_a_link_to_it_stays(tmp_path: Path) -> None:
    file, link = tmp_path / "out.jsonl", tmp_path / "link.jsonl"
    file.touch(mode=0o600)
    link.symlink_to(file)
    write_flat([an_activity()], str(link))
    assert (link.readlink(), stat.S_IMODE(file.stat().st_mode)) == (file, 0o600)
    assert file.read_bytes() == encode_flat(an_activity()) + b"\n"
    assert sorted(tmp_path.iterdir()) == [link, file]


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    # Open at both ends, and large enough for a line: nobody waits for anybody.
    reader = os.open(pipe, os.O_RDWR | os.O_NONBLOCK)
    try:
        write_flat([an_activity()], str(pipe))
        assert os.read(reader, 10_000) == encode_flat(an_activity()) + b"\n"
    finally:
        os.close(reader)
    assert list(tmp_path.iterdir()) == [pipe]
    assert pipe.is_fifo()


def test_the_same_activities_make_the_same_gzipped_bytes(tmp_path: Path) -> None:
    for name in ("one.jsonl.gz", "two.jsonl.gz"):
        write_flat([an_activity(1), an_activity(2)], str(tmp_path / name))
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()


def test_a_folder_that_is_not_there_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        write_flat([an_activity()], str(tmp_path / "missing" / "out.jsonl"))


def test_a_flat_line_leaves_defaults_out() -> None:
    expected = {"id": "a7", "time": "2024-03-04T09:00:00Z", "kind": "post", "network": "acme", "community": "general"}
    assert json.loads(encode_flat(an_activity(7))) == {**expected, "actor": "u1"}
