"""Takes connections off a listening socket, also when the process has no file left for one.

The servers of the event loops cannot: asyncio's logs thousands of errors a second, uvloop's hangs up or spins.
"""

import asyncio
import errno
import os
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from exporter.logs import Log

# How long clients are left waiting, in the kernel's queue, once there is no file for them.
PAUSE_SECONDS: Final = 1.0
# Taken in one go; then others have their turn.
TAKEN_AT_ONCE: Final = 64
_NOTHING_LEFT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Acceptor:
    """Hands every connection of `listening`, which is its own from now on, to `take`, until it is closed.

    It keeps a spare file, to be spent on a client when streams have taken all others: one can still scrape. With that
    spent too, `make_room` is to end a connection that nobody needs.
    """

    def __init__(
        self,
        listening: socket.socket,
        take: Callable[[socket.socket], None],
        make_room: Callable[[], None],
        log: Log,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._listening = listening
        self._take = take
        self._make_room = make_room
        self._log = log
        self._spare: int | None = None
        self._resuming: asyncio.TimerHandle | None = None
        self._pauses = 0
        listening.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Takes no more: those that wait in the queue are for the next one who listens."""
        if self._resuming is not None:
            self._resuming.cancel()
        self._loop.remove_reader(self._listening)
        self._listening.close()
        self._spend_spare()

    def set_spare_aside(self) -> None:
        """To be called whenever a file has become free: streams are waiting for it too."""
        if self._spare is None and self._listening.fileno() >= 0:
            with suppress(OSError):
                self._spare = os.open(os.devnull, os.O_RDONLY)

    def _resume(self) -> None:
        self._resuming = None
        self.set_spare_aside()
        self._loop.add_reader(self._listening, self._accept)

    def _accept(self) -> None:
        for _ in range(TAKEN_AT_ONCE):
            try:
                client, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:
                continue  # it left while it waited
            except OSError as error:
                if error.errno not in _NOTHING_LEFT:
                    raise
                if not self._is_waited_for():
                    return
                if not self._spend_spare():
                    self._pause()
                    return
            else:
                client.setblocking(False)
                self._take(client)

    def _is_waited_for(self) -> bool:
        """Whether a client is in the queue: without a file to give, the kernel does not even look."""
        queue = select.poll()
        queue.register(self._listening, select.POLLIN)
        return bool(queue.poll(0))

    def _pause(self) -> None:
        self._loop.remove_reader(self._listening)
        self._resuming = self._loop.call_later(PAUSE_SECONDS, self._resume)
        self._make_room()
        self._pauses += 1
        if self._pauses.bit_count() == 1:
            self._log.warning(
                "no file is left for another scrape: raise the limit of open files (ulimit -n, LimitNOFILE=)",
                times=self._pauses,
            )

    def _spend_spare(self) -> bool:
        if self._spare is None:
            return False
        os.close(self._spare)
        self._spare = None
        return True
