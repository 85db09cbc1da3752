from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline.errors import InputError, SettingsError
from pipeline.model import Kind, TimePrecision
from tests.unit.sources.made_exports import read

if TYPE_CHECKING:
    from pathlib import Path

POST = "1;DEFAULT_ACTIVITY;2017-03-30T10:12:36.743+02:00;space;general_discussions;General Discussions;"
COMMENT = "2;comment;2017-03-30T10:13:36.753+02:00;general_discussions;General Discussions;"
LIKE = "3;like;2017-03-30T10:12:36.743+02:00;general_discussions;General Discussions;"
OTHER_LIKE = "4;like;2017-03-30T10:12:36.743+02:00;general_discussions;General Discussions;"
LIKE_WITHOUT_PLACE = "5;like;2017-03-30T10:12:36.743+02:00;;"


def feed(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_a_post_is_followed_by_its_comments_and_likes(tmp_path: Path) -> None:
    path = feed(tmp_path / "dump", POST, COMMENT, LIKE, OTHER_LIKE, LIKE_WITHOUT_PLACE)
    post, comment, *likes = read("lecko", path)[0]
    assert (post.kind, post.actor, post.community) == (Kind.POST, "1", "general_discussions")
    assert post.communityname == "General Discussions"
    assert post.time.isoformat() == "2017-03-30T08:12:36.743000+00:00"
    assert (comment.kind, comment.actor, comment.inreplyto) == (Kind.COMMENT, "2", post.id)
    assert [(like.kind, like.actor, like.object, like.time) for like in likes] == [
        (Kind.REACTION, actor, post.id, post.time) for actor in ("3", "4", "5")
    ]
    assert {like.timeprecision for like in likes} == {TimePrecision.OF_OBJECT}
    assert {like.community for like in likes} == {"general_discussions"}


def test_ids_are_distinct_and_do_not_depend_on_how_a_run_numbers_people(tmp_path: Path) -> None:
    lines = [POST, COMMENT, LIKE, OTHER_LIKE]
    first, _ = read("lecko", feed(tmp_path / "monday", *lines))
    renumbered = [f"{int(line[0]) + 50}{line[1:]}" for line in lines]
    second, _ = read("lecko", feed(tmp_path / "friday", *renumbered))
    assert [a.id for a in first] == [a.id for a in second]
    assert len({a.id for a in first}) == len(lines)


def test_streams_of_members_are_outside_any_community(tmp_path: Path) -> None:
    activities, report = read(
        "lecko",
        feed(
            tmp_path / "dump",
            POST,
            "7;DEFAULT_ACTIVITY;2017-03-30T11:00:00.000+02:00;user;;",
            "8;comment;2017-03-30T11:01:00.000+02:00;;;",
            "9;DEFAULT_ACTIVITY;2017-03-30T12:00:00.000+02:00;user;;;hall;The Hall;",
        ),
    )
    assert [a.community for a in activities] == ["general_discussions", "hall"]
    assert dict(report.left_out) == {"outside any space": 2}


def test_notices_of_the_platform_are_left_out_with_their_answers(tmp_path: Path) -> None:
    notice = POST.replace("DEFAULT_ACTIVITY", "SPACE_ACTIVITY")
    activities, report = read("lecko", feed(tmp_path / "dump", notice, COMMENT, POST))
    assert [a.kind for a in activities] == [Kind.POST]
    assert dict(report.left_out) == {"SPACE_ACTIVITY with its answers": 2}


def test_the_network_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="give --network"):
        read("lecko", feed(tmp_path / "dump", POST), None)


def test_an_unusable_line_is_rejected_and_another_format_refused(tmp_path: Path) -> None:
    activities, report = read("lecko", feed(tmp_path / "dump", POST, "1;like;soon;a;b;", "hello"))
    assert len(activities) == 1
    assert report.rejected == {"not actor;type;time;…": 2}
    with pytest.raises(InputError, match="holds nothing that lecko can read"):
        read("lecko", feed(tmp_path / "other", "a,b,c", "d,e,f"))


def test_a_feed_in_the_servers_own_charset_is_read(tmp_path: Path) -> None:
    path = tmp_path / "dump"
    path.write_bytes(POST.replace("General Discussions", "Idées").encode("cp1252"))
    assert read("lecko", path)[0][0].communityname == "Idées"


def test_a_byte_order_mark_is_no_part_of_the_first_actor(tmp_path: Path) -> None:
    assert read("lecko", feed(tmp_path / "dump", "\ufeff" + POST))[0][0].actor == "1"
