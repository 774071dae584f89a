"""The rate limit of handshakes, for all streams of the process."""

import asyncio


class HandshakeLimit:
    """Runs at most `at_once` handshakes at the same time and begins at most `per_second` per second.

    So after an outage of the service its streams do not reconnect all at once.
    """

    def __init__(self, at_once: int, per_second: float) -> None:
        self.per_second = per_second
        self._places = asyncio.Semaphore(at_once)
        self._next = 0.0

    async def __aenter__(self) -> None:
        await self._places.acquire()
        try:
            now = asyncio.get_running_loop().time()
            turn = max(now, self._next)
            self._next = turn + 1.0 / self.per_second
            await asyncio.sleep(turn - now)
        except BaseException:
            self._places.release()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._places.release()
