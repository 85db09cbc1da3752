"""What a survey teaches, learnt here or in a process of its own.

Learning takes 60 MB for `scipy.stats` alone, and a worker that has once imported it keeps them; from 100,000 lives it
takes more than a second, and 200 MB. So a worker asks another process, which ends when it is asked no more.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import RetryLater
from pipeline.scoring.life import Life
from pipeline.scoring.profile import learn

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import BinaryIO

    Learn = Callable[[Sequence[bytes], int], Awaitable[bytes]]
    """(lives of a network as JSON, survey day) -> its profile as JSON."""

IDLE_SECONDS = 30.0
"""A replay makes a survey every few seconds, and to start a process takes one."""
SIZE_BYTES = 8
decode_life = msgspec.json.Decoder(Life).decode


async def learn_here(lives: Sequence[bytes], day: int) -> bytes:
    """Learn in this process, at once."""
    return learn_from(lives, day)


def learn_from(lives: Sequence[bytes], day: int) -> bytes:
    """See `Learn`; the order of the lives does not matter."""
    return msgspec.json.encode(learn([decode_life(life) for life in lives], day))


class Learner:
    """Learns in a process of its own, one question after the other."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.TimerHandle | None = None

    async def learn(self, lives: Sequence[bytes], day: int) -> bytes:
        """See `Learn`.

        Raises:
            RetryLater: the process could not be started, or ended before it had learnt.
        """
        if self._ending is not None:
            self._ending.cancel()
        try:
            answer = await self._ask(msgspec.msgpack.encode((day, lives)))
        except (OSError, asyncio.IncompleteReadError) as error:
            await self.end()
            message = f"The process that learns what is ordinary ended too early ({error})"
            raise RetryLater(message) from error
        except BaseException:
            await self.end()
            raise
        self._ending = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_soon)
        return answer

    async def _ask(self, question: bytes) -> bytes:
        if self._process is None:
            pipe = asyncio.subprocess.PIPE
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "pipeline.learning", stdin=pipe, stdout=pipe
            )
        to, back = self._process.stdin, self._process.stdout
        assert to is not None and back is not None  # noqa: PT018, S101 - both are pipes
        to.write(len(question).to_bytes(SIZE_BYTES, "little") + question)
        await to.drain()
        size = int.from_bytes(await back.readexactly(SIZE_BYTES), "little")
        return await back.readexactly(size)

    def _end_soon(self) -> None:
        self._idle = asyncio.ensure_future(self.end())

    async def end(self) -> None:
        """End the process, if there is one. Where this one is killed it ends by itself, as its input does."""
        if self._ending is not None:
            self._ending.cancel()
        if self._process is not None:
            process, self._process = self._process, None
            if process.returncode is None:
                process.kill()
            await process.communicate()


def answer_all(questions: BinaryIO, answers: BinaryIO) -> None:
    """Learn from what is asked, until there is no more."""
    while size := int.from_bytes(questions.read(SIZE_BYTES), "little"):
        day, lives = msgspec.msgpack.decode(questions.read(size), type=tuple[int, list[bytes]])
        answer = learn_from(lives, day)
        answers.write(len(answer).to_bytes(SIZE_BYTES, "little") + answer)
        answers.flush()


if __name__ == "__main__":
    # Ctrl-C goes to all processes of a terminal; whoever asks tells this one when to end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer_all(sys.stdin.buffer, sys.stdout.buffer)
