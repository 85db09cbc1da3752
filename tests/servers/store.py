"""Where downloaded servers are kept between runs, and how two test runs share one download."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def cache_folder() -> Path:
    """Return the folder of this project's test servers under the user's cache, made if need be."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(home) / "elan-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetched_once(name: str, fetch: Callable[[Path], None]) -> Path:
    """Return the cached folder of this name, filled by `fetch` if absent.

    `fetch` writes into a new folder that gets its name when complete, so a broken download leaves nothing behind; a
    lock lets parallel runs wait for one download. What `fetch` raises is passed on.
    """
    cache = cache_folder()
    folder = cache / name
    if folder.is_dir():
        return folder
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            partial = Path(tempfile.mkdtemp(prefix=f"{name}.partial-", dir=cache))
            try:
                fetch(partial)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return folder
