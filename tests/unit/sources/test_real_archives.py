"""Three real communities' exports, counted to the last activity and compared with their flat form."""

from __future__ import annotations

import zipfile
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

from pipeline.model import Activity, Kind
from tests.unit.sources.made_exports import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SLACK = "raw/houston-slack-export.zip"
ZULIP = "raw/ncar-zulip-archive.zip"
DISCOURSE = "raw/urho3d-discourse-topics.zip"


def by_channel_name(activity: Activity) -> str | None:
    return activity.communityname


def by_community(activity: Activity) -> str | None:
    return activity.community


def test_a_slack_workspace_is_counted_by_kind(data_folder: Path) -> None:
    activities, report = read("slack-export", data_folder / SLACK)
    assert len(activities) == 1578
    assert dict(report.kinds) == {
        Kind.POST: 964,
        Kind.JOIN: 320,
        Kind.REACTION: 199,
        Kind.SHARE: 61,
        Kind.COMMUNITY_CREATED: 16,
        Kind.COMMUNITY_ARCHIVED: 9,
        Kind.COMMENT: 6,
        Kind.LEAVE: 3,
    }
    assert len(report.communities) == 16
    assert len(report.members) == 71
    assert not report.rejects


def test_what_a_slack_workspace_holds_besides_activities_is_counted_by_subtype(data_folder: Path) -> None:
    _, report = read("slack-export", data_folder / SLACK)
    assert dict(report.left_out) == {
        "marks of an edit": 37,
        "channel_purpose": 13,
        "channel_topic": 2,
        "channel_name": 2,
        "pinned_item": 1,
        "bot_add": 1,
    }


def test_a_zulip_archive_is_counted_by_kind(data_folder: Path) -> None:
    _, report = read("zulip-archive", data_folder / ZULIP)
    assert dict(report.kinds) == {Kind.POST: 831, Kind.COMMENT: 5876}
    assert len(report.communities) == 32
    assert len(report.members) + len(report.bots) == 171


def test_discourse_topics_are_counted_by_kind_and_their_counters_only_reported(data_folder: Path) -> None:
    _, report = read("discourse-topics", data_folder / DISCOURSE)
    assert dict(report.kinds) == {Kind.POST: 800, Kind.COMMENT: 5846}
    assert report.left_out["likes, counted without member and time"] == 2847
    assert report.left_out["reads, counted without member and time"] == 203099


@pytest.mark.parametrize(
    ("source", "raw", "flat", "place"),
    [
        ("slack-export", SLACK, "houston.jsonl.gz", by_channel_name),
        ("zulip-archive", ZULIP, "ncar.jsonl.gz", by_community),
    ],
)
def test_an_export_and_its_flat_form_tell_the_same(
    data_folder: Path, source: str, raw: str, flat: str, place: Callable[[Activity], str | None]
) -> None:
    exported, _ = read(source, data_folder / raw)
    flattened, _ = read("jsonl", data_folder / flat)

    def facts(activities: Iterable[Activity], where: Callable[[Activity], str | None]) -> Counter[tuple[object, ...]]:
        return Counter((a.time, a.kind, where(a), a.timeprecision) for a in activities)

    assert facts(exported, place) == facts(flattened, by_community)


@pytest.mark.parametrize(
    ("source", "raw", "flat", "place"),
    [
        ("slack-export", SLACK, "houston.jsonl.gz", by_channel_name),
        ("zulip-archive", ZULIP, "ncar.jsonl.gz", by_community),
    ],
)
def test_members_are_those_of_the_flat_form_under_other_names(
    data_folder: Path, source: str, raw: str, flat: str, place: Callable[[Activity], str | None]
) -> None:
    exported, _ = read(source, data_folder / raw)
    flattened, _ = read("jsonl", data_folder / flat)

    def members(activities: Iterable[Activity], where: Callable[[Activity], str | None]) -> Counter[frozenset[object]]:
        acts: dict[str | None, list[tuple[object, ...]]] = defaultdict(list)
        for a in activities:
            # The flat form of Slack puts all comments on files under one actor; the export names who wrote them.
            if source != "slack-export" or a.kind is not Kind.COMMENT:
                acts[a.actor].append((a.time, a.kind, where(a)))
        return Counter(frozenset(Counter(done).items()) for done in acts.values())

    assert members(exported, place) == members(flattened, by_community)


def test_every_discourse_post_is_in_the_forums_whole_flat_form(data_folder: Path) -> None:
    exported, _ = read("discourse-topics", data_folder / DISCOURSE)
    flattened, _ = read("jsonl", data_folder / "urho3d.jsonl.gz")
    whole = Counter((a.time, a.kind, a.community) for a in flattened)
    newest = Counter((a.time.replace(microsecond=0), a.kind, a.community) for a in exported)
    assert newest - whole == Counter()


@pytest.mark.parametrize(
    ("source", "raw"), [("slack-export", SLACK), ("zulip-archive", ZULIP), ("discourse-topics", DISCOURSE)]
)
def test_ids_are_unique_and_the_same_at_every_import(data_folder: Path, source: str, raw: str) -> None:
    once, _ = read(source, data_folder / raw)
    again, _ = read(source, data_folder / raw)
    assert [a.id for a in once] == [a.id for a in again]
    assert len({a.id for a in once}) == len(once)


def test_a_folder_reads_like_its_zip_and_names_the_network(data_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "houston"
    with zipfile.ZipFile(data_folder / SLACK) as archive:
        archive.extractall(folder / "inner")
    from_folder, _ = read("slack-export", folder, None)
    from_zip, _ = read("slack-export", data_folder / SLACK, "houston")
    assert from_folder == from_zip
