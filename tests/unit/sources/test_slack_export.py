from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.errors import InputError
from pipeline.model import Activity, Kind, TimePrecision
from tests.unit.sources.made_exports import in_folder, read, slack, zipped

if TYPE_CHECKING:
    from pathlib import Path


def said(path: Path, *messages: dict[str, Any]) -> list[Activity]:
    """What a day of these messages amounts to, without the channel's creation."""
    activities, _ = read("slack-export", zipped(path / "acme.zip", slack(list(messages))))
    return [activity for activity in activities if activity.kind is not Kind.COMMUNITY_CREATED]


def message(ts: str = "1709542800.000100", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "U1", "ts": ts, **more}


def test_a_thread_is_a_post_and_comments_that_answer_it(tmp_path: Path) -> None:
    # 09:00 root ... 09:01 reply ... 09:02 reply also sent to the channel
    root, reply, broadcast = said(
        tmp_path,
        message("1709542800.000100", thread_ts="1709542800.000100"),
        message("1709542860.000100", thread_ts="1709542800.000100"),
        message("1709542920.000100", thread_ts="1709542800.000100", subtype="thread_broadcast"),
    )
    assert (root.kind, root.inreplyto) == (Kind.POST, None)
    assert (reply.kind, reply.inreplyto) == (Kind.COMMENT, "C1:1709542800.000100")
    assert (broadcast.kind, broadcast.inreplyto) == (Kind.COMMENT, "C1:1709542800.000100")


def test_a_reaction_carries_the_time_of_its_message_and_says_so(tmp_path: Path) -> None:
    reactions = [{"name": "tada", "users": ["U2", "U3"], "count": 2}, {"name": "+1", "users": ["U2"], "count": 1}]
    post, *reacted = said(tmp_path, message(reactions=reactions))
    assert [(r.actor, r.object, r.author) for r in reacted] == [
        ("U2", post.id, "U1"),
        ("U3", post.id, "U1"),
        ("U2", post.id, "U1"),
    ]
    assert {r.time for r in reacted} == {post.time}
    assert {r.timeprecision for r in reacted} == {TimePrecision.OF_OBJECT}
    assert len({r.id for r in reacted}) == 3


@pytest.mark.parametrize(
    "mark",
    [
        {"bot_id": "B1"},
        {"user": None, "subtype": "bot_message", "bot_id": "B1"},
        {"user": None, "subtype": "bot_message", "username": "deploys"},
        {"user": "USLACKBOT"},
        {"user": "U9"},
    ],
)
def test_bots_are_marked(tmp_path: Path, mark: dict[str, Any]) -> None:
    (activity,) = said(tmp_path, message(**mark))
    assert activity.bot
    assert activity.actor is not None


def test_reactions_that_slack_counts_without_naming_anybody_are_left_out(tmp_path: Path) -> None:
    popular = message(reactions=[{"name": "tada", "users": ["U2", "U3"], "count": 60}])
    activities, report = read("slack-export", zipped(tmp_path / "acme.zip", slack([popular])))
    assert [a.kind for a in activities].count(Kind.REACTION) == 2
    assert dict(report.left_out) == {"reactions, counted without member": 58}


def test_a_null_bot_id_is_no_bot(tmp_path: Path) -> None:
    (activity,) = said(tmp_path, message(bot_id=None))
    assert not activity.bot


def test_uploads_are_shares_in_old_and_in_current_exports(tmp_path: Path) -> None:
    old = message("1709542800.000100", subtype="file_share", upload=True, file={"id": "F1", "user": "U1"})
    current = message("1709542860.000100", upload=True, files=[{"id": "F2"}])
    assert [a.kind for a in said(tmp_path, old, current)] == [Kind.SHARE, Kind.SHARE]


def test_a_comment_on_a_file_is_by_who_wrote_it(tmp_path: Path) -> None:
    on_file = {"type": "message", "subtype": "file_comment", "ts": "1709542800.000100"}
    (comment,) = said(tmp_path, {**on_file, "file": {"id": "F1", "user": "U1"}, "comment": {"id": "Fc1", "user": "U2"}})
    assert (comment.kind, comment.actor, comment.inreplyto) == (Kind.COMMENT, "U2", "F1")


def test_an_edit_log_gives_edits_but_no_deletions_by_nobody_known_nor_marks_of_edits(
    tmp_path: Path,
) -> None:
    marked = message("1709542800.000100", edited={"user": "U1", "ts": "1709542801.000000"})
    inner = {"ts": "1709542800.000100", "user": "U1", "edited": {"user": "U2"}}
    changed = {"type": "message", "subtype": "message_changed", "ts": "1709542900.000100", "message": inner}
    deleted = {"type": "message", "subtype": "message_deleted", "ts": "1709543000.000100", "deleted_ts": inner["ts"]}
    post, edit = said(tmp_path, marked, changed, deleted)
    assert (edit.kind, edit.actor, edit.object, edit.author) == (Kind.EDIT, "U2", post.id, "U1")


def test_a_channel_that_nobody_known_has_created_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "C1").mkdir()
    (tmp_path / "channels.json").write_text('[{"id": "C1", "name": "C1", "created": 1709542000}]')
    (tmp_path / "users.json").write_text("[]")
    (tmp_path / "C1" / "2024-03-04.json").write_text(json.dumps([message()]))
    activities, report = read("slack-export", tmp_path)
    assert ([activity.kind for activity in activities], report.rejects) == ([Kind.POST], 0)
    assert report.left_out["creations of channels by nobody known"] == 1


def test_a_message_to_oneself_in_the_third_person_is_a_post(tmp_path: Path) -> None:
    assert [a.kind for a in said(tmp_path, message(subtype="me_message"))] == [Kind.POST]


def test_private_conversations_are_counted_and_never_read(tmp_path: Path) -> None:
    export = slack(
        [message()],
        **{
            "groups.json": [{"id": "G1", "name": "board"}],
            "dms.json": [{"id": "D1", "members": ["U1", "U2"]}, {"id": "D2", "members": ["U1", "U3"]}],
            "mpims.json": [{"id": "G2", "name": "mpdm-a--b--c-1"}],
            "board/2024-03-04.json": "not even JSON",
            "D1/2024-03-04.json": "not even JSON",
            "mpdm-a--b--c-1/2024-03-04.json": "not even JSON",
            "canvas-of-nobody/2024-03-04.json": "[]",
        },
    )
    activities, report = read("slack-export", zipped(tmp_path / "acme.zip", export))
    assert {a.community for a in activities} == {"C1"}
    assert dict(report.left_out) == {
        "private channels": 1,
        "direct conversations": 2,
        "group conversations": 1,
        "days of folders that channels.json does not name": 1,
    }


def test_a_renamed_channel_stays_the_same_community(tmp_path: Path) -> None:
    before = slack([message()])
    after = slack([message()])
    after["channels.json"] = [{**after["channels.json"][0], "name": "town-square"}]
    after["town-square/2024-03-04.json"] = after.pop("general/2024-03-04.json")
    old, _ = read("slack-export", zipped(tmp_path / "before.zip", before))
    new, _ = read("slack-export", zipped(tmp_path / "after.zip", after))
    assert [(a.id, a.community) for a in old] == [(a.id, a.community) for a in new]
    assert {a.communityname for a in new} == {"town-square"}


def test_unusable_messages_are_rejected_with_their_place_and_the_others_go_on(tmp_path: Path) -> None:
    broken: list[Any] = [
        {"type": "message", "user": "U1"},
        message(ts="yesterday"),
        "hello",
        message(user=7),
        message(),
    ]
    activities, report = read("slack-export", zipped(tmp_path / "acme.zip", slack(broken)))
    assert [a.kind for a in activities] == [Kind.COMMUNITY_CREATED, Kind.POST]
    assert report.places == {
        "ts is missing": ["general/2024-03-04.json:1"],
        "ts is no time": ["general/2024-03-04.json:2"],
        "not an object": ["general/2024-03-04.json:3"],
        "user has a wrong type or value": ["general/2024-03-04.json:4"],
    }


def test_the_network_is_named_after_the_file_unless_given(tmp_path: Path) -> None:
    export = zipped(tmp_path / "acme-2024.zip", slack([message()]))
    named_by_file, _ = read("slack-export", export, None)
    given, _ = read("slack-export", export, "acme")
    assert {a.network for a in named_by_file} == {"acme-2024"}
    assert {a.network for a in given} == {"acme"}


def test_an_export_inside_a_folder_inside_the_zip_is_found(tmp_path: Path) -> None:
    nested = {f"acme export/{name}": document for name, document in slack([message()]).items()}
    activities, _ = read("slack-export", zipped(tmp_path / "acme.zip", nested))
    assert len(activities) == 2


def test_without_channels_it_is_no_slack_export(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"folder is no Slack export: it has no channels\.json"):
        read("slack-export", in_folder(tmp_path / "folder", {"general/2024-03-04.json": []}))
