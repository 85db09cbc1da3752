"""Help texts that `backtest` and `explain` share."""

from __future__ import annotations

EVENTS_HELP = "Flat JSON lines (gzipped or not, - for stdin), or an export with --source."
SOURCE_HELP = "slack-export, zulip-archive, discourse-topics, jsonl or lecko."
NETWORK_HELP = "Name of the network, where the file does not say it."
