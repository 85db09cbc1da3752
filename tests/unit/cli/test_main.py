"""What every command has in common: one sentence and an exit code, never a traceback for a user's mistake."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from pipeline import __version__
from pipeline.cli.main import app
from pipeline.errors import ElanError, InputError, ServerError, SettingsError, Stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Elan = Callable[..., Result]

COMMANDS = [
    *(["import"], ["worker"], ["serve"], ["status"], ["explain"], ["backtest"], ["resolve"], ["check"], ["config"]),
    *(["topics", "create"], ["dead-letters", "list"], ["dead-letters", "replay"]),
]
ROOT = Path(__file__).resolve().parents[3]
HEAVY = ("faust", "numpy", "matplotlib", "kafka", "aiokafka", "redis", "holidays")


def test_the_version_is_told(elan: Elan) -> None:
    result = elan("--version")
    assert (result.exit_code, result.stdout) == (0, f"elan {__version__}\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_help_has_an_example_and_exit_codes(elan: Elan, command: list[str]) -> None:
    result = elan(*command, "--help", env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert re.search(r"Example: .*elan", result.stdout)
    assert "Exit codes: 0 " in result.stdout


@pytest.mark.parametrize(("error", "code"), [(SettingsError, 2), (ServerError, 3), (InputError, 4), (Stop, 5)])
def test_an_error_is_one_sentence_on_stderr_and_its_exit_code(error: type[ElanError], code: int) -> None:
    result = failing(error("It broke [here]: mend it."))
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", "error: It broke [here]: mend it.\n")


def test_an_interrupt_ends_with_130() -> None:
    result = failing(KeyboardInterrupt())
    assert (result.exit_code, result.stdout, result.stderr) == (130, "", "")


def test_want_of_memory_is_one_sentence_and_ends_with_6() -> None:
    result = failing(MemoryError())
    assert (result.exit_code, result.stdout) == (6, "")
    assert result.stderr == "error: There is not enough memory: give this process more, then run it again.\n"


def failing(error: BaseException) -> Result:
    """Run a command of our kind of application that raises."""
    failing_app = typer.Typer(cls=app.info.cls)

    @failing_app.command()
    def fail() -> None:
        raise error

    failing_app.callback()(lambda: None)
    return CliRunner().invoke(failing_app, ["fail"])


def test_a_wrong_option_ends_with_2(elan: Elan) -> None:
    assert elan("config", "--jsn").exit_code == 2
    assert elan("confg").exit_code == 2


@pytest.mark.parametrize("bench", ["judge", "ingest --kafka localhost:1"])
def test_a_bench_says_which_url_it_cannot_use(elan: Elan, bench: str) -> None:
    result = elan("bench", *bench.split(), "--redis", "http://x")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: redis.url = 'http://x' (from ELAN_REDIS_URL) cannot be used")


def test_a_settings_file_that_is_not_there_ends_with_2(elan: Elan) -> None:
    result = elan("--config", "nowhere.toml", "config")
    assert result.exit_code == 2
    assert "nowhere.toml does not exist" in result.stderr


def test_a_folder_is_no_settings_file(elan: Elan, tmp_path: Path) -> None:
    result = elan("--config", tmp_path, "config")
    assert result.exit_code == 2
    assert result.stderr == f"error: The settings file {tmp_path} cannot be read: Is a directory.\n"


@pytest.mark.parametrize("command", [["topics", "create"], ["dead-letters", "list"], ["dead-letters", "replay"]])
def test_a_broker_that_is_away_ends_with_3(elan: Elan, command: list[str]) -> None:
    result = elan(*command, env={"ELAN_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert result.exit_code == 3
    assert "Kafka at 127.0.0.1:1 cannot be reached" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_check_says_what_is_away_and_ends_with_1(elan: Elan) -> None:
    result = elan("check", env={"ELAN_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1", "ELAN_REDIS_URL": "redis://127.0.0.1:1"})
    assert result.exit_code == 1
    levels = [tuple(line.split()[:2]) for line in result.stdout.splitlines()]
    assert levels == [("ok", "settings"), ("wrong", "key"), ("wrong", "Kafka"), ("wrong", "Redis")]


def start_python(code: str, folder: Path) -> str:
    """Return the shell's words that run code with this package on the path."""
    return f"cd {shlex.quote(str(folder))}; PYTHONPATH={shlex.quote(str(ROOT))} {sys.executable} -c {shlex.quote(code)}"


def bash(script: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ELAN_")}
    return subprocess.run(["bash", "-c", script], env=kept, capture_output=True, text=True, check=False)


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    result = bash(start_python("import sys, pipeline.cli.main; print(*sys.modules)", tmp_path))
    assert result.returncode == 0
    assert {module.split(".")[0] for module in result.stdout.split()} & set(HEAVY) == set()


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    start = start_python("from pipeline.cli.main import main; main()", tmp_path)
    words = "export _ELAN_COMPLETE=complete_bash COMP_WORDS='elan dead' COMP_CWORD=1"
    assert bash(f"{words}; {start}").stdout.strip() == "dead-letters"


def test_a_reader_that_has_gone_ends_the_command_quietly(tmp_path: Path) -> None:
    start = start_python("from pipeline.cli.main import main; main()", tmp_path)
    for arguments in ("config --json", "config"):
        # The reader closes its end at once, long before the first line is written.
        result = bash(f"{start} {arguments} | (exec 0<&-; sleep 1); echo ${{PIPESTATUS[0]}}")
        assert (result.stdout, result.stderr) == ("1\n", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", ["config", "config --json", "--help", "backtest events.jsonl --alerts -"])
def test_a_standard_output_that_is_full_is_one_sentence_and_ends_with_2(tmp_path: Path, arguments: str) -> None:
    # A post a day of one member for half a year: a notice for standard output.
    times = [f"2024-{month:02}-{day:02}T09:00:00Z" for month in range(1, 7) for day in range(1, 29)]
    event = '{{"id":"{0}","time":"{0}","kind":"post","network":"acme","community":"wine","actor":"ann"}}\n'
    (tmp_path / "events.jsonl").write_text("".join(map(event.format, times)))
    start = start_python("from pipeline.cli.main import main; main()", tmp_path)
    with Path("/dev/full").open("wb") as full:
        command = ["bash", "-c", f"{start} {arguments}"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    sentence = "error: Standard output cannot be written (No space left on device); write to another place."
    assert [line for line in done.stderr.splitlines() if "activities of" not in line] == [sentence]


def test_a_terminal_that_is_not_utf_8_shows_what_it_can(tmp_path: Path) -> None:
    (tmp_path / "elan.toml").write_text('networks."Büro ☕".time_zone = "UTC"\n', encoding="utf-8")
    start = start_python("from pipeline.cli.main import main; main()", tmp_path)
    shown = bash(f"export PYTHONIOENCODING=latin1; {start} config | iconv -f latin1 -t utf-8")
    assert shown.stderr == ""
    assert "networks.Büro ?.time_zone" in shown.stdout


def test_json_is_utf_8_whatever_the_terminal_is(tmp_path: Path) -> None:
    (tmp_path / "elan.toml").write_text('redis = { username = "Büro ☕", password = "x" }\n', encoding="utf-8")
    start = start_python("from pipeline.cli.main import main; main()", tmp_path)
    shown = bash(f"export PYTHONIOENCODING=latin1; {start} config --json")
    assert shown.stderr == ""
    assert '"Büro ☕"' in shown.stdout
