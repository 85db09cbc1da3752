"""Logs of the long-running commands: one line a record on stderr; libraries speak up from warnings on."""

from __future__ import annotations

import logging
import sys

from pipeline.errors import SettingsError

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
CHATTY = ("aiokafka", "asyncio", "faust", "kafka", "mode")
_LIBRARIES_IN_BATCH_TRANSPORT = ("pipeline.ingest.batch_app", "pipeline.ingest.batch_transport")


def log_to_stderr(level: str) -> None:
    """Set up logging of this process.

    Raises:
        SettingsError: no such level.
    """
    if level not in LEVELS:
        raise SettingsError(f"There is no log level {level!r}; choose one of {', '.join(LEVELS)}.")
    logging.basicConfig(stream=sys.stderr, level=LEVELS[level], format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for name in (*CHATTY, *_LIBRARIES_IN_BATCH_TRANSPORT):
        # Classes of ours that derive from Faust's log its start and stop under our name.
        logging.getLogger(name).setLevel(max(LEVELS[level], logging.WARNING))
    # Says at every start of a group that its coordinator is being found: no trouble of anybody.
    logging.getLogger("aiokafka.consumer.group_coordinator").setLevel(logging.CRITICAL)
