"""The command `elan`: registers every command, and turns what goes wrong into one sentence and an exit code."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from typer.core import TyperGroup

from pipeline import __version__
from pipeline.cli.abaque import abaque
from pipeline.cli.backtest import backtest
from pipeline.cli.bench import bench
from pipeline.cli.check import check
from pipeline.cli.config import config
from pipeline.cli.dead_letters import dead_letters
from pipeline.cli.demo import demo
from pipeline.cli.evaluate import evaluate
from pipeline.cli.explain import explain
from pipeline.cli.import_ import import_activities
from pipeline.cli.memory import NO_MEMORY, SENTENCE
from pipeline.cli.network import network
from pipeline.cli.resolve import resolve
from pipeline.cli.serve import serve
from pipeline.cli.status import status
from pipeline.cli.survival import survival
from pipeline.cli.topics import topics
from pipeline.cli.worker import worker
from pipeline.errors import ElanError, SettingsError

INTERRUPTED = 130
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}
"""Errors of a write. Commands tell those of the files that they write by name; left is standard output."""
OPERATE = "Run"
LOOK = "Look"
PREPARE = "Set up"


class _OneSentence(TyperGroup):
    """A group whose commands end with a sentence on stderr, never with a traceback for a user's mistake."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except ElanError as error:
            Console(stderr=True).print(f"[red]error[/red]: {escape(str(error))}", highlight=False, soft_wrap=True)
            raise typer.Exit(error.exit_code) from None
        except MemoryError:
            # Not by the console, which needs some.
            sys.stderr.write(SENTENCE)
            raise typer.Exit(NO_MEMORY) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader of standard output has enough.
            _forget_standard_output()
            raise typer.Exit(1) from None


app = typer.Typer(
    name="elan",
    cls=_OneSentence,
    rich_markup_mode="markdown",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"elan {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    file: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Settings in TOML; default: ELAN_CONFIG, else elan.toml here."),
    ] = None,
    version: Annotated[  # noqa: ARG001, FBT002 - an option; its callback acts
        bool, typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Élan notices, while there is still time to act, which community of an enterprise social network loses momentum.

    First steps: `elan demo` shows it at work on this machine alone. On servers of your own: `elan check` says what is
    missing, `elan topics create` makes the topics, `elan import` brings history in, `elan worker` and `elan serve` run.

    Exit codes: 0 done, 1 a check found something wrong, 2 a setting or option is wrong, 3 Kafka or Redis cannot be
    reached, 4 a file cannot be used, 5 a worker stopped because going on would lose or count twice, 6 there was not
    enough memory, 130 interrupted.
    """
    # The clients complain on their own about what our sentence says.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    if file is not None:
        # By way of the environment, so that every command and the processes it starts read the same file.
        os.environ["ELAN_CONFIG"] = str(file)


app.command("import", rich_help_panel=OPERATE)(import_activities)
app.command(rich_help_panel=OPERATE)(worker)
app.command(rich_help_panel=OPERATE)(serve)
app.command(rich_help_panel=LOOK)(demo)
app.command(rich_help_panel=LOOK)(status)
app.command(rich_help_panel=LOOK)(explain)
app.command(rich_help_panel=LOOK)(network)
app.add_typer(abaque, name="abaque", rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(survival)
app.command(rich_help_panel=LOOK)(backtest)
app.command(rich_help_panel=LOOK)(evaluate)
app.add_typer(dead_letters, name="dead-letters", rich_help_panel=LOOK)
app.command(rich_help_panel=LOOK)(resolve)
app.add_typer(bench, name="bench", rich_help_panel=LOOK)
app.command(rich_help_panel=PREPARE)(check)
app.command(rich_help_panel=PREPARE)(config)
app.add_typer(topics, name="topics", rich_help_panel=PREPARE)


def main() -> None:
    """The entry point of the distribution."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # On a terminal that is not UTF-8 a question mark is better than no result.
            stream.reconfigure(errors="replace")
    try:
        # The same name however it was started: the shell's completion goes by it.
        app(prog_name="elan")
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        sys.stderr.write(f"error: Standard output cannot be written ({error.strerror}); write to another place.\n")
        _forget_standard_output()
        sys.exit(SettingsError.exit_code)


def _forget_standard_output() -> None:
    """Keep Python from trying to write the rest of it once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
