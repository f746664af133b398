"""Events for all open pages, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

HEARTBEAT_S = 15.0  # so that a page and proxies notice a lost connection
MAX_WAITING = 1000  # events of a page that does not read: then it is disconnected


class Broadcaster:
    """Send events to every subscriber. `publish` may be called from any thread."""

    def __init__(self) -> None:
        self._subscribers: set[tuple[asyncio.AbstractEventLoop, asyncio.Queue[str | None]]] = set()

    def publish(self, name: str, data: Any) -> None:
        """Send an event to all open pages."""
        text = format_event(name, data)
        for loop, queue in list(self._subscribers):
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, text)

    def close(self) -> None:
        """End all subscriptions."""
        for loop, queue in list(self._subscribers):
            if not loop.is_closed():
                loop.call_soon_threadsafe(_put, queue, None)

    async def subscribe(self, first: list[tuple[str, Any]]) -> AsyncIterator[str]:
        """Yield the events from now on, after some first ones."""
        entry = asyncio.get_running_loop(), asyncio.Queue[str | None](MAX_WAITING)
        self._subscribers.add(entry)
        try:
            for name, data in first:
                yield format_event(name, data)
            while True:
                try:
                    text = await asyncio.wait_for(entry[1].get(), HEARTBEAT_S)
                except TimeoutError:
                    text = ": waiting\n\n"
                if text is None:
                    return
                yield text
        finally:
            self._subscribers.discard(entry)

    def __len__(self) -> int:
        return len(self._subscribers)


def format_event(name: str, data: Any) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _put(queue: "asyncio.Queue[str | None]", text: str | None) -> None:
    if queue.full():
        while not queue.empty():
            queue.get_nowait()
        text = None
    queue.put_nowait(text)
