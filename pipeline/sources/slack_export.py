"""Slack workspace exports, as Slack delivers them: channels.json, users.json and CHANNEL/DAY.json, zip or folder.

A community is a public channel, by its id, since channels are renamed; a message is named by channel id and `ts`, which
Slack keeps unique in a channel. Private channels and direct messages (groups, mpims, dms) are never read.

What counts: messages are posts, replies in a thread are comments, uploaded files are shares, comments on files (exports
before 2018) are comments, and reactions carry their message's time, because Slack keeps none for them. What does not:
changes of topic, purpose or name, pins, added bots and every other notice, counted by subtype. The mark that a message
was edited is no activity either: only the last edit of a message is known. Full edit logs (`message_changed`) are.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import InputError
from pipeline.model import Activity, Kind, TimePrecision
from pipeline.sources.archive import open_archive, stem_of
from pipeline.sources.moments import from_unix
from pipeline.sources.slack_shapes import Channel, Conversation, Inner, Message, User

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from pipeline.sources.archive import Archive
    from pipeline.sources.report import ImportReport

PLATFORM = "slack"
SLACKBOT = "USLACKBOT"
CHANNELS = "channels.json"
PRIVATE = {"groups.json": "private channels", "mpims.json": "group conversations", "dms.json": "direct conversations"}
MESSAGES = frozenset({None, "bot_message", "me_message", "slackbot_response", "thread_broadcast"})
"""Subtypes that somebody wrote."""
NOTICES = {
    "channel_join": Kind.JOIN,
    "channel_leave": Kind.LEAVE,
    "channel_archive": Kind.COMMUNITY_ARCHIVED,
    "file_share": Kind.SHARE,
    "file_comment": Kind.COMMENT,
}


class Workspace(msgspec.Struct, frozen=True):
    """What is known of the workspace before a message is read."""

    network: str
    bots: frozenset[str]


_CHANNEL = msgspec.json.Decoder(Channel)
_USER = msgspec.json.Decoder(User)
_MESSAGE = msgspec.json.Decoder(Message)
_CONVERSATION = msgspec.json.Decoder(Conversation)


def read(path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """Activities channel by channel, day by day; one day of one channel is held at a time.

    Raises:
        InputError: it is no Slack export, or a file of it is damaged.
    """
    with open_archive(path) as archive:
        root = _root(archive)
        channels = list(archive.records(root + CHANNELS, _CHANNEL, report))
        workspace = Workspace(network or stem_of(path), _bots(archive, root, report))
        days = _days_by_folder(archive, root)
        for channel in channels:
            yield from _created(channel, workspace, report)
            for day in days.pop(channel.name, ()):
                for message in archive.records(day, _MESSAGE, report):
                    yield from _activities(message, channel, workspace, report)
        _leave_out_private(archive, root, days, report)


def _root(archive: Archive) -> str:
    """Where channels.json is: at the top, or in the one folder that somebody zipped."""
    found = min(
        (n for n in archive.names if n.rsplit("/", 1)[-1] == CHANNELS), key=lambda n: n.count("/"), default=None
    )
    if found is None:
        message = f"{archive.path} is no Slack export: it has no {CHANNELS}; choose its source, or the whole export."
        raise InputError(message)
    return found[: -len(CHANNELS)]


def _bots(archive: Archive, root: str, report: ImportReport) -> frozenset[str]:
    name = f"{root}users.json"
    users = archive.records(name, _USER, report) if name in archive.names else ()
    return frozenset(user.id for user in users if user.is_bot) | {SLACKBOT}


def _days_by_folder(archive: Archive, root: str) -> dict[str, list[str]]:
    days: dict[str, list[str]] = defaultdict(list)
    for name in archive.names:
        folder, _, day = name[len(root) :].rpartition("/")
        if name.startswith(root) and folder and day:
            days[folder].append(name)
    return days


def _leave_out_private(archive: Archive, root: str, days: dict[str, list[str]], report: ImportReport) -> None:
    """Count what stays private, and the folders that no list of channels names."""
    for name, what in PRIVATE.items():
        if root + name in archive.names:
            for conversation in archive.records(root + name, _CONVERSATION, report):
                days.pop(conversation.name or conversation.id, None)
                report.leave_out(what)
    report.leave_out(f"days of folders that {CHANNELS} does not name", sum(len(names) for names in days.values()))


def _created(channel: Channel, workspace: Workspace, report: ImportReport) -> Iterator[Activity]:
    time = from_unix(channel.created) if channel.created is not None else None
    if time is None:
        report.leave_out("channels without a date of creation")
        return
    if channel.creator is None:
        report.leave_out("creations of channels by nobody known")
        return
    yield _activity(channel, workspace, f"{channel.id}:created", time, Kind.COMMUNITY_CREATED, actor=channel.creator)


def _activities(message: Message, channel: Channel, workspace: Workspace, report: ImportReport) -> Iterator[Activity]:
    """The activity of a message, if it is one, and those of its reactions."""
    time = _time(message.ts)
    if time is None:
        report.reject("ts is no time")
        return
    if message.edited is not None:
        report.leave_out("marks of an edit")
    if message.subtype == "message_changed":
        yield _edited(message, channel, workspace, time)
    else:
        kind = _kind(message)
        if kind is None:
            report.leave_out(message.subtype or message.type)
            return
        yield _written(message, channel, workspace, time, kind)
        yield from _reactions(message, channel, workspace, time)
        unnamed = sum(max(0, reaction.count - len(reaction.users)) for reaction in message.reactions or ())
        report.leave_out("reactions, counted without member", unnamed)


def _time(ts: str) -> datetime | None:
    # The digits after the point tell messages of a second apart; they are no fraction of it.
    seconds, _, _ = ts.partition(".")
    return from_unix(seconds) if seconds.isdigit() else None


def _kind(message: Message) -> Kind | None:
    if message.type != "message":
        return None
    if message.subtype not in MESSAGES:
        return NOTICES.get(message.subtype or "")
    if message.upload and message.files:
        return Kind.SHARE
    return Kind.COMMENT if _is_reply(message) else Kind.POST


def _is_reply(message: Message) -> bool:
    return message.thread_ts is not None and message.thread_ts != message.ts


def _written(message: Message, channel: Channel, workspace: Workspace, time: datetime, kind: Kind) -> Activity:
    answered = f"{channel.id}:{message.thread_ts}" if _is_reply(message) else None
    if message.subtype == "file_comment" and message.file is not None:
        answered = message.file.id
    place = f"{channel.id}:{message.ts}"
    bot = message.bot_id is not None or message.subtype in ("bot_message", "slackbot_response")
    return _activity(
        channel, workspace, place, time, kind, actor=_actor(message), object=place, inreplyto=answered, bot=bot
    )


def _actor(message: Message) -> str | None:
    """The writer; comments on files name theirs inside, integrations have a bot's id or only a name."""
    commenter = message.comment.user if message.comment is not None else None
    uploader = message.file.user if message.file is not None and message.subtype == "file_share" else None
    return message.user or commenter or uploader or message.bot_id or message.username or None


def _reactions(message: Message, channel: Channel, workspace: Workspace, time: datetime) -> Iterator[Activity]:
    place = f"{channel.id}:{message.ts}"
    for reaction in message.reactions or ():
        for user in reaction.users:
            name = f"{place}:{reaction.name}:{user}"
            yield _activity(
                channel, workspace, name, time, Kind.REACTION, actor=user, object=place, author=message.user
            )


def _edited(message: Message, channel: Channel, workspace: Workspace, time: datetime) -> Activity:
    """An edit of an edit log. Its deletions do not say who deleted, and are left out."""
    name = f"{channel.id}:{message.ts}"
    inner = message.message or Inner()
    editor = (inner.edited.user if inner.edited is not None else None) or inner.user or message.user
    about = f"{channel.id}:{inner.ts}" if inner.ts else None
    return _activity(channel, workspace, name, time, Kind.EDIT, actor=editor, object=about, author=inner.user)


def _activity(
    channel: Channel,
    workspace: Workspace,
    name: str,
    time: datetime,
    kind: Kind,
    *,
    actor: str | None,
    object: str | None = None,  # noqa: A002 - the field's name in the model
    inreplyto: str | None = None,
    author: str | None = None,
    bot: bool = False,
) -> Activity:
    return Activity(
        id=name,
        time=time,
        kind=kind,
        network=workspace.network,
        community=channel.id,
        actor=actor,
        platform=PLATFORM,
        communityname=channel.name,
        object=object,
        inreplyto=inreplyto,
        author=author,
        timeprecision=TimePrecision.OF_OBJECT if kind is Kind.REACTION else TimePrecision.EXACT,
        bot=bot or actor in workspace.bots,
    )
