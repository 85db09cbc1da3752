from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import InputError
from pipeline.model import Kind
from tests.unit.sources.made_exports import in_folder, read, zipped

if TYPE_CHECKING:
    from pathlib import Path


def zulip(number: int, sender: str = "Ada", **more: Any) -> dict[str, Any]:
    return {"id": number, "timestamp": 1709542800 + number, "sender_full_name": sender, "content": "", **more}


def post(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": 100 + number,
        "created_at": f"2024-03-04T09:{number:02}:00.123Z",
        "post_number": number,
        "user_id": 5,
        "username": "ada",
        **more,
    }


def topic(*posts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": 7, "category_id": 3, "post_stream": {"posts": list(posts)}, **more}


def test_the_first_message_of_a_zulip_topic_is_a_post_and_the_others_answer_it(tmp_path: Path) -> None:
    # The archive appends, so the order in the file is not to be relied on.
    export = in_folder(tmp_path / "acme", {"zulip_json/3-general/hello.json": [zulip(12), zulip(11), zulip(13)]})
    activities, _ = read("zulip-archive", export)
    assert [(a.id, a.kind, a.inreplyto) for a in activities] == [
        ("11", Kind.POST, None),
        ("12", Kind.COMMENT, "11"),
        ("13", Kind.COMMENT, "11"),
    ]
    assert {(a.community, a.communityname) for a in activities} == {("3-general", "general")}


@pytest.mark.parametrize("root", ["", "zulip_json/", "archive-main/zulip_json/"])
def test_a_zulip_archive_is_found_at_any_depth_and_its_index_is_no_topic(tmp_path: Path, root: str) -> None:
    documents = {f"{root}3-general/hello.json": [zulip(1)], f"{root}stream_index.json": {"streams": {}}}
    activities, report = read("zulip-archive", zipped(tmp_path / "acme.zip", documents))
    assert [a.community for a in activities] == ["3-general"]
    assert not report.rejects


@pytest.mark.parametrize(
    ("sender", "is_bot"),
    [
        ({"sender_full_name": "Notification Bot"}, True),
        ({"sender_full_name": "Deploys", "sender_email": "deploy-bot@acme.zulipchat.com"}, True),
        ({"sender_full_name": "Emma Talbot"}, False),
    ],
)
def test_zulip_bots_are_told_by_their_names(tmp_path: Path, sender: dict[str, str], *, is_bot: bool) -> None:
    export = zipped(tmp_path / "acme.zip", {"zulip_json/3-general/hello.json": [{**zulip(1), **sender}]})
    activities, _ = read("zulip-archive", export)
    assert [a.bot for a in activities] == [is_bot]


def test_a_discourse_reply_answers_the_post_it_names_or_else_the_first(tmp_path: Path) -> None:
    document = topic(post(1), post(2), post(3, reply_to_post_number=2))
    activities, _ = read("discourse-topics", zipped(tmp_path / "acme.zip", {"t/7.json": document}))
    assert [(a.kind, a.inreplyto, a.community) for a in activities] == [
        (Kind.POST, None, "category-3"),
        (Kind.COMMENT, "101", "category-3"),
        (Kind.COMMENT, "102", "category-3"),
    ]
    assert activities[0].time.isoformat() == "2024-03-04T09:01:00.123000+00:00"


def test_what_discourse_does_by_itself_or_in_private_is_left_out(tmp_path: Path) -> None:
    documents = {
        "t/7.json": topic(post(1), post(2, post_type=3, action_code="closed.enabled"), post(3, post_type=4)),
        "t/8.json": topic(post(1), post(2), archetype="private_message"),
        "t/9.json": topic(post(1), category_id=None),
    }
    activities, report = read("discourse-topics", zipped(tmp_path / "acme.zip", documents))
    assert len(activities) == 1
    assert dict(report.left_out) == {
        "housekeeping (closed.enabled)": 1,
        "whispers among staff": 1,
        "posts of private messages": 2,
        "posts outside any category": 1,
    }


def test_posts_that_were_not_fetched_are_counted(tmp_path: Path) -> None:
    document = topic(post(1), post(2))
    document["post_stream"]["stream"] = [101, 102, 103, 104, 105]
    _, report = read("discourse-topics", zipped(tmp_path / "acme.zip", {"t/7.json": document}))
    assert dict(report.left_out) == {"posts that a topic names but the export lacks": 3}


def test_discourse_counters_without_members_are_reported_and_not_counted(tmp_path: Path) -> None:
    liked = post(1, reads=40, version=3, actions_summary=[{"id": 2, "count": 6}, {"id": 8, "count": 1}])
    activities, report = read("discourse-topics", zipped(tmp_path / "acme.zip", {"t/7.json": topic(liked)}))
    assert [a.kind for a in activities] == [Kind.POST]
    assert dict(report.left_out) == {
        "likes, counted without member and time": 6,
        "reads, counted without member and time": 40,
        "edits, counted without time": 2,
    }


def test_discourse_system_users_are_bots_and_categories_get_their_names(tmp_path: Path) -> None:
    names = {"category_list": {"categories": [{"id": 3, "name": "Support"}]}}
    document = topic(post(1, user_id=-1, username="system"), post(2))
    export = zipped(tmp_path / "acme.zip", {"categories.json": names, "t/7.json": document})
    activities, _ = read("discourse-topics", export)
    assert [a.bot for a in activities] == [True, False]
    assert {a.communityname for a in activities} == {"Support"}


def test_an_unusable_topic_is_rejected_and_the_others_go_on(tmp_path: Path) -> None:
    documents = {"t/1.json": {"errors": ["not found"]}, "t/2.json": topic(post(1), {"id": 1}, post(3, created_at="?"))}
    activities, report = read("discourse-topics", zipped(tmp_path / "acme.zip", documents))
    assert len(activities) == 1
    assert report.places == {
        "id is missing": ["t/1.json:1"],
        "created_at is missing": ["t/2.json:2"],
        "created_at is no time": ["t/2.json:3"],
    }


@pytest.mark.parametrize("source", ["zulip-archive", "discourse-topics"])
def test_an_archive_without_documents_is_of_another_source(tmp_path: Path, source: str) -> None:
    with pytest.raises(InputError, match="choose its source"):
        read(source, zipped(tmp_path / "acme.zip", {"readme.txt": "hello"}))
