"""Viewers of the page for `aassl bench page`: `python -m aassl_ros.benchmarks.page_viewer URL --viewers 2`.

Each does what the page's script does: it takes news and pictures, and says that a picture is drawn. On SIGINT the
process prints as JSON what they have got.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from typing import Any

from aiohttp import ClientSession, WSMsgType


async def watch(url: str, viewers: int) -> dict[str, Any]:
    """Watch until SIGINT. Returns pictures per second of each viewer, and bytes."""
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
    pictures, taken = [0] * viewers, [0]
    async with ClientSession() as session:
        tasks = [asyncio.create_task(_view(session, url, pictures, number, taken)) for number in range(viewers)]
        begun = time.monotonic()
        print("watching", flush=True)
        await stopped.wait()
        passed_s = time.monotonic() - begun
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return {"pictures_per_s": min(pictures, default=0) / passed_s, "kb_per_s": taken[0] / passed_s / 1e3}


async def _view(session: ClientSession, url: str, pictures: list[int], number: int, taken: list[int]) -> None:
    async with session.ws_connect(f"{url.rstrip('/')}/news", max_msg_size=0) as page:
        async for message in page:
            taken[0] += len(message.data)
            if message.type == WSMsgType.BINARY:
                pictures[number] += 1
                await page.send_str('{"drawn": true}')


def main() -> None:
    """Watch as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--viewers", type=int, default=1)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(watch(arguments.url, arguments.viewers))), flush=True)


if __name__ == "__main__":
    main()
