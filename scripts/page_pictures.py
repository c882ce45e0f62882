"""Photographs the web page in Chromium beside real nodes: docs/images/{page,teach,named}_*.webp.

Usage: python scripts/page_pictures.py docs/images [live] [online]

live: `aassl live --source simulation`, in which two objects are taught on the page.
online: `aassl up online page:=true`, which also records and trains (page.md). Each takes a few minutes.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))
from browser import open_browser
from documented import Program

from aassl_ros.bringup.ros_domain import own_domain
from aassl_ros.ros.monitor import Monitor
from aassl_ros.ros.transport import set_image_transport

AASSL = ("-m", "aassl_ros.cli.main")
OBJECTS = ",".join(16 * ["train:mug_0003,train:bowl_0002,train:bottle_0004"])
_LABEL = "return document.querySelector('#label').textContent"
_ROWS = "return [...document.querySelectorAll('#categories tr')].map(row => row.cells[0].textContent)"
_LESSON = "return !document.querySelector('#lesson').hidden"
_LONG_S = 600.0


class Page:
    """A page in a browser. It can be light or dark, and of any size."""

    def __init__(self, url: str, profile: Path) -> None:
        self.browser = open_browser(profile)
        self.browser.get(url)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for something on the page."""
        end_s = time.monotonic() + _LONG_S
        while not condition():
            if time.monotonic() > end_s:
                sys.exit(f"waited {_LONG_S:g} s for {what}")
            time.sleep(0.05)  # a browser tells no one that its page has changed

    def teach(self, name: str, seconds: int = 10) -> None:
        """Press Teach, and wait until views are taken."""
        field = self.browser.find_element("css selector", "#teach-name")
        field.clear()
        field.send_keys(name)
        self.browser.execute_script(f"document.querySelector('#teach-seconds').value = '{seconds}'")
        self.browser.find_element("css selector", "#teach-button").click()
        self.until(lambda: self.browser.execute_script(_LESSON), f"the lesson {name}")

    def taught(self, name: str) -> None:
        """Wait until a lesson has ended."""
        self.until(lambda: name in self.browser.execute_script(_ROWS), f"{name} in the gallery")

    def photograph(self, file: Path, width: int, height: int, dark: bool = False) -> None:
        """Save what the page shows, as WebP."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.browser.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
        time.sleep(1.2)  # the page draws its curves anew once a second
        picture = Image.open(io.BytesIO(self.browser.get_screenshot_as_png()))
        picture.convert("RGB").save(file, quality=82, method=6)
        print(file, file.stat().st_size // 1000, "kB")


@contextmanager
def opened(program: Program, begin: str, folder: Path) -> Iterator[Page]:
    """The page whose address a program prints after `begin`."""
    page = None
    try:
        said = program.wait_for(lambda line: begin in line)
        page = Page(program.lines[said - 1].split(begin)[1].strip(), folder / "profile")
        yield page
    finally:
        if page is not None:
            page.browser.quit()
        program.stop()


def live(out: Path, folder: Path) -> None:
    """Two objects are taught in simulation, and are named when they come again."""
    program = Program(*AASSL, "live", "--source", "simulation", "page_port:=0", folder=folder)
    with opened(program, "the page: ", folder) as page:
        place = 0
        for name in ("mug", "chair"):
            place = program.wait_for(lambda line, name=name: line == f"the arm holds a {name}", after=place)
            page.teach(name)
            if name == "mug":
                time.sleep(4.0)  # a lesson of 10 s is to be seen half done
                page.photograph(out / "teach_light.webp", 1180, 780)
                page.photograph(out / "teach_dark.webp", 1180, 780, dark=True)
            page.taught(name)
        program.wait_for(lambda line: line == "the arm holds a mug", after=place)
        page.until(lambda: page.browser.execute_script(_LABEL) == "mug", "the name mug")
        page.photograph(out / "named_light.webp", 1180, 780)


def online(out: Path, folder: Path) -> None:
    """Three objects are taught while the robot handles them, records and trains."""
    # Short episodes: the trainer begins after 16.
    words = (f"objects:={OBJECTS}", "episode_seconds:=12", "page:=true", "page_port:=0")
    program = Program(*AASSL, "up", "online", *words, folder=folder)
    with opened(program, "page: open ", folder) as page, Monitor() as monitor:
        page.until(lambda: "unknown" in page.browser.execute_script(_LABEL), "the first answer")
        seen = len(monitor.episodes)
        for name in ("mug", "bowl", "bottle"):

            def begun(name: str = name, seen: int = seen) -> bool:
                return any(event.event == "start" and event.category == name for event in monitor.episodes[seen:])

            page.until(begun, f"an episode of a {name}")
            seen = len(monitor.episodes)
            page.teach(name)
            page.taught(name)
        page.until(lambda: int(monitor.values("trainer").get("step", 0)) > 3, "some updates")
        page.until(lambda: "unknown" not in page.browser.execute_script(_LABEL), "a name")
        page.photograph(out / "page_light.webp", 1280, 1340)
        page.photograph(out / "page_dark.webp", 800, 1260, dark=True)


def main(out: Path, which: list[str]) -> None:
    """Make the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    set_image_transport()
    for make in (live, online):
        if not which or make.__name__ in which:
            with own_domain(), TemporaryDirectory() as folder:
                make(out, Path(folder))


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
