"""Help texts that the commands which read a file of events share."""

from __future__ import annotations

EVENTS_HELP = "Flat JSON lines (gzipped or not, - for stdin), or an export with --source."
FILE_HELP = "Flat JSON lines (gzipped or not), or an export with --source."
SOURCE_HELP = "slack-export, zulip-archive, discourse-topics, jsonl or lecko."
NETWORK_HELP = "Name that the network gets, whatever the file says; needed where it says none."
KNOWN_NETWORK_HELP = f"Which one of the networks in Redis; with --events: {NETWORK_HELP}"
