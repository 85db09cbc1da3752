"""The rows of a Slack export, as far as Élan looks at them; texts and blocks are skipped unread."""

from __future__ import annotations

import msgspec


class Channel(msgspec.Struct, frozen=True):
    """A row of channels.json."""

    id: str
    name: str
    created: int | str | None = None
    creator: str | None = None


class User(msgspec.Struct, frozen=True):
    """A row of users.json."""

    id: str
    is_bot: bool = False


class Reaction(msgspec.Struct, frozen=True):
    """Who reacted with one emoji; Slack names only the first users of a popular one."""

    name: str
    users: list[str] = []
    count: int = 0


class Edited(msgspec.Struct, frozen=True):
    """The mark of a message's last edit."""

    user: str | None = None


class File(msgspec.Struct, frozen=True):
    """An uploaded file; `id` is missing where the file was deleted."""

    id: str | None = None
    user: str | None = None


class FileComment(msgspec.Struct, frozen=True):
    """A comment on a file, in exports before 2018."""

    user: str | None = None


class Inner(msgspec.Struct, frozen=True):
    """The message that an entry of an edit log is about."""

    ts: str | None = None
    user: str | None = None
    edited: Edited | None = None


class Message(msgspec.Struct, frozen=True):
    """What Élan looks at in an entry of a day; texts and blocks are skipped unread."""

    ts: str
    type: str = "message"
    subtype: str | None = None
    user: str | None = None
    bot_id: str | None = None
    username: str | None = None
    thread_ts: str | None = None
    upload: bool | None = None
    reactions: list[Reaction] | None = None
    edited: Edited | None = None
    file: File | None = None
    files: list[File] | None = None
    comment: FileComment | None = None
    message: Inner | None = None


class Conversation(msgspec.Struct, frozen=True):
    """A row of groups.json, mpims.json or dms.json (which has no name)."""

    id: str
    name: str | None = None
