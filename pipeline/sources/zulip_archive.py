"""Archives made by zulip-archive: zulip_json/STREAM/TOPIC.json, each a list of messages, zip or folder.

A community is a stream, by the name of its folder (`3-general`: the stream's id and name). The first message of a topic
is a post, the others are comments on it. A message keeps its number in Zulip. The archive holds no reactions,
no joins and, in its usual form, only the full names of senders.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import InputError
from pipeline.model import Activity, Kind
from pipeline.sources.archive import open_archive, stem_of
from pipeline.sources.moments import from_unix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.sources.archive import Archive
    from pipeline.sources.report import ImportReport

PLATFORM = "zulip"
ROOT = "zulip_json/"
INDEX = "stream_index.json"
BOT_NAME = re.compile(r"(^|[\s_-])bot$", re.IGNORECASE)
"""`notification-bot@…`, `Notification Bot`, `Welcome Bot`; not `Talbot`."""
STREAM_FOLDER = re.compile(r"^\d+-(?P<name>.+)$")


class Message(msgspec.Struct, frozen=True):
    """What Élan looks at in a message; its content is skipped unread."""

    id: int
    timestamp: float
    sender_full_name: str | None = None
    sender_email: str | None = None
    sender_id: int | None = None


_MESSAGE = msgspec.json.Decoder(Message)


def read(path: Path, network: str | None, report: ImportReport) -> Iterator[Activity]:
    """Activities topic by topic; one topic is held at a time.

    Raises:
        InputError: it is no archive of Zulip, or a file of it is damaged.
    """
    with open_archive(path) as archive:
        for name in _topics(archive):
            community = name.rsplit("/", 2)[-2]
            messages = sorted(archive.records(name, _MESSAGE, report), key=lambda message: message.id)
            first_id = messages[0].id if messages else 0
            for place, message in enumerate(messages, 1):
                report.reading(name, place)
                activity = _activity(message, first_id, network or stem_of(path), community)
                if activity is None:
                    report.reject("timestamp is no time")
                else:
                    yield activity


def _topics(archive: Archive) -> list[str]:
    """STREAM/TOPIC.json under zulip_json, wherever that is, or else under the top."""
    under_root = [name for name in archive.names if f"/{ROOT}" in f"/{name}"]
    names = [
        name
        for name in under_root or archive.names
        if "/" in f"/{name}".rsplit(f"/{ROOT}", 1)[-1].strip("/") and not name.endswith(INDEX)
    ]
    if not names:
        message = f"{archive.path} is no archive of Zulip: it has no {ROOT}STREAM/TOPIC.json; choose its source."
        raise InputError(message)
    return names


def _activity(message: Message, first_id: int, network: str, community: str) -> Activity | None:
    time = from_unix(message.timestamp)
    if time is None:
        return None
    is_first = message.id == first_id
    folder = STREAM_FOLDER.match(community)
    return Activity(
        id=str(message.id),
        time=time,
        kind=Kind.POST if is_first else Kind.COMMENT,
        network=network,
        community=community,
        actor=_sender(message),
        platform=PLATFORM,
        communityname=folder["name"] if folder else community,
        object=str(message.id),
        inreplyto=None if is_first else str(first_id),
        bot=_is_bot(message),
    )


def _sender(message: Message) -> str | None:
    """What stays the same when somebody is renamed, as far as the archive has it."""
    if message.sender_id is not None:
        return str(message.sender_id)
    return message.sender_email or message.sender_full_name or None


def _is_bot(message: Message) -> bool:
    address = (message.sender_email or "").partition("@")[0]
    return bool(BOT_NAME.search(address) or BOT_NAME.search(message.sender_full_name or ""))
