"""Discourse topics as the site serves them, /t/ID.json, one document a topic, zip or folder.

A community is a category (`category-10`; named where a categories.json lies beside). Post number 1 of a topic is a
post, the others are comments. Discourse counts likes and reads without saying who or when: a number without a member
and a time is no activity, so both are left out and their sums reported; so are edits, of which only the number is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import InputError
from pipeline.model import Activity, Kind
from pipeline.sources.archive import open_archive, shape_of, stem_of
from pipeline.sources.moments import from_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.sources.archive import Archive
    from pipeline.sources.report import ImportReport

PLATFORM = "discourse"
LIKE = 2
"""Discourse's number for a like among the actions of a post."""
SMALL_ACTION = 3
WHISPER = 4
BOT_NAMES = frozenset({"system", "discobot"})
CATEGORIES = "categories.json"


class Action(msgspec.Struct, frozen=True):
    """How often readers did one thing with a post."""

    id: int
    count: int = 0


class Post(msgspec.Struct, frozen=True):
    """What Élan looks at in a post; its text is skipped unread."""

    id: int
    created_at: str
    post_number: int
    post_type: int = 1
    action_code: str | None = None
    reply_to_post_number: int | None = None
    user_id: int | None = None
    username: str | None = None
    version: int = 1
    reads: int = 0
    actions_summary: list[Action] = []


class PostStream(msgspec.Struct, frozen=True):
    """The posts of a topic that were served, and the ids of all."""

    posts: list[msgspec.Raw]
    stream: list[int] | None = None


class Topic(msgspec.Struct, frozen=True):
    """A document of /t/ID.json."""

    id: int
    post_stream: PostStream
    category_id: int | None = None
    archetype: str = "regular"


class Category(msgspec.Struct, frozen=True):
    """A category's id and name."""

    id: int
    name: str


class CategoryList(msgspec.Struct, frozen=True):
    """The list inside a /categories.json."""

    categories: list[Category]


class Categories(msgspec.Struct, frozen=True):
    """A document of /categories.json."""

    category_list: CategoryList


_TOPIC = msgspec.json.Decoder(Topic)
_POST = msgspec.json.Decoder(Post)
_CATEGORIES = msgspec.json.Decoder(Categories)


def read(path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """Activities topic by topic; one topic is held at a time.

    Raises:
        InputError: there is no document in it, or one is damaged.
    """
    with open_archive(path) as archive:
        if not archive.names:
            message = f"{path} holds no topic of Discourse: it has no JSON document; choose its source."
            raise InputError(message)
        names = _category_names(archive)
        for name in archive.names:
            topic = None if name.endswith(CATEGORIES) else _topic(archive, name, report)
            if topic is not None:
                yield from _activities(topic, network or stem_of(path), names, report)


def _category_names(archive: Archive) -> dict[int, str]:
    for name in archive.names:
        if name.endswith(CATEGORIES):
            try:
                found = archive.decode(name, _CATEGORIES)
            except msgspec.ValidationError:
                return {}
            return {category.id: category.name for category in found.category_list.categories}
    return {}


def _topic(archive: Archive, name: str, report: ImportReport) -> Topic | None:
    report.reading(name, 1)
    try:
        topic = archive.decode(name, _TOPIC)
    except msgspec.ValidationError as error:
        report.reject(shape_of(error))
        return None
    served = len(topic.post_stream.posts)
    if topic.archetype != "regular":
        report.leave_out("posts of private messages", served)
        return None
    if topic.category_id is None:
        report.leave_out("posts outside any category", served)
        return None
    # The site serves twenty posts of a long topic; the others have to be fetched page by page.
    report.leave_out("posts that a topic names but the export lacks", len(topic.post_stream.stream or ()) - served)
    return topic


def _activities(topic: Topic, network: str, names: dict[int, str], report: ImportReport) -> Iterator[Activity]:
    posts = list(_posts(topic, report))
    ids = {post.post_number: str(post.id) for _, post in posts}
    file = report.file
    for place, post in posts:
        report.reading(file, place)
        _leave_out_counters(post, report)
        time = from_text(post.created_at)
        if time is None:
            report.reject("created_at is no time")
            continue
        is_first = post.post_number == 1
        yield Activity(
            id=str(post.id),
            time=time,
            kind=Kind.POST if is_first else Kind.COMMENT,
            network=network,
            community=f"category-{topic.category_id}",
            actor=str(post.user_id) if post.user_id is not None else post.username,
            platform=PLATFORM,
            communityname=names.get(topic.category_id or 0),
            object=str(post.id),
            inreplyto=None if is_first else ids.get(post.reply_to_post_number or 1, ids.get(1)),
            bot=(post.user_id or 0) < 0 or post.username in BOT_NAMES,
        )


def _posts(topic: Topic, report: ImportReport) -> Iterator[tuple[int, Post]]:
    """(place in the document, post) of what somebody wrote for all to see."""
    file = report.file
    for place, raw in enumerate(topic.post_stream.posts, 1):
        report.reading(file, place)
        try:
            post = _POST.decode(raw)
        except msgspec.DecodeError as error:
            report.reject(shape_of(error))
            continue
        if post.post_type == WHISPER:
            report.leave_out("whispers among staff")
        elif post.post_type == SMALL_ACTION and post.action_code is not None:
            # Closing, pinning and the like. Without a code it may be an answer, and is taken for one.
            report.leave_out(f"housekeeping ({post.action_code})")
        else:
            yield place, post


def _leave_out_counters(post: Post, report: ImportReport) -> None:
    report.leave_out(
        "likes, counted without member and time", sum(a.count for a in post.actions_summary if a.id == LIKE)
    )
    report.leave_out("reads, counted without member and time", post.reads)
    report.leave_out("edits, counted without time", post.version - 1)
