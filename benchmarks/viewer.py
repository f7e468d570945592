"""Many viewers of one run: `python -m benchmarks.viewer URL COUNT` opens so many WebSockets.

It says so when each has its first message, and how much they got when its input or all of
them end.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


async def main(url: str, count: int) -> None:
    """Watch until told to stop."""
    messages = characters = 0

    async def receive(viewer: ClientConnection) -> None:
        nonlocal messages, characters
        try:
            async for text in viewer:
                messages += 1
                characters += len(text)
        except ConnectionClosed:
            pass

    viewers = [
        await connect(url, compression=None, max_size=None, ping_interval=None)
        for _ in range(count)
    ]
    for viewer in viewers:
        await viewer.recv()
    print(json.dumps({"ready": True}), flush=True)
    told = asyncio.create_task(asyncio.to_thread(sys.stdin.readline))
    receiving = asyncio.gather(*(receive(viewer) for viewer in viewers))
    await asyncio.wait([told, receiving], return_when=asyncio.FIRST_COMPLETED)
    print(json.dumps({"messages": messages, "characters": characters}), flush=True)
    await asyncio.gather(*(viewer.close() for viewer in viewers))
    await receiving


if __name__ == "__main__":
    # Viewers sit at machines of their own: here they take what training and server leave.
    os.nice(19)
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
