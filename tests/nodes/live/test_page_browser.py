"""The page in a real headless Chromium, beside a real evaluator: people teach by clicking."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from browser import open_browser
from page_viewer import url_from

SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


# A page of another server, which tries to use ours. It reports in its title.
FOREIGN = """<!doctype html><title>{}</title><script>
const told = {};
const tell = (what, how) => { told[what] = how; document.title = JSON.stringify(told); };
const socket = new WebSocket("ADDRESS".replace("http", "ws") + "news");
socket.onopen = () => tell("socket", "open");
socket.onerror = () => tell("socket", "refused");
fetch("ADDRESS", { credentials: "include" }).then(() => tell("page", "read"), () => tell("page", "refused"));
</script>"""


@contextmanager
def foreign_server(address: str) -> Iterator[str]:
    """A server of the page FOREIGN, which attacks the page at an address. Gives its own address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(FOREIGN.replace("ADDRESS", address).encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class Person:
    """Somebody at the page. `see(selector, text)` waits until an element contains the text."""

    def __init__(self, browser: Any) -> None:
        self.browser = browser

    def text(self, selector: str) -> str:
        script = "return document.querySelector(arguments[0])?.textContent ?? ''"
        return str(self.browser.execute_script(script, selector))

    def wait(self, condition: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            if found := condition():
                return found
            time.sleep(0.05)  # between two questions to the browser
        pytest.fail(f"waited {timeout_s:g} s for {what}; the page said {self.text('#told')!r}")

    def see(self, selector: str, text: str) -> None:
        self.wait(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def find(self, selector: str) -> Any:
        return self.browser.find_element("css selector", selector)

    def click(self, selector: str) -> None:
        self.find(selector).click()

    def row(self, category: str) -> Any:
        """The line of a category in the gallery, None if there is none."""
        script = (
            "return [...document.querySelectorAll('#categories tr')].find(row => row.cells[0].textContent === "
            "arguments[0]) ?? null"
        )
        return self.browser.execute_script(script, category)

    def press(self, category: str, button: str) -> None:
        row = self.wait(lambda: self.row(category), f"{category} in the gallery")
        row.find_element("xpath", f".//button[text()='{button}']").click()

    def photograph(self, name: str) -> None:
        """Save what the browser shows, if the environment names a folder for it (CI keeps it)."""
        if folder := os.environ.get("AASSL_SCREENSHOTS"):
            Path(folder).mkdir(parents=True, exist_ok=True)
            self.browser.save_screenshot(str(Path(folder) / f"{name}.png"))

    def teach(self, category: str) -> None:
        field = self.find("#teach-name")
        field.clear()
        field.send_keys(category)
        self.browser.execute_script("document.querySelector('#teach-seconds').value = '2'")
        self.click("#teach-button")
        self.wait(lambda: self.row(category), f"{category} in the gallery")


@pytest.fixture
def running(ros: Any, stage: Any) -> Iterator[Any]:
    """The stage, which goes on while the test talks to the browser."""
    ending = threading.Event()

    def spin() -> None:
        while not ending.is_set():
            ros.executor.spin_once(timeout_sec=0.05)

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    yield stage
    ending.set()
    thread.join()


@pytest.fixture
def browse(tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """browse(url, dark=True): a person at a browser of their own."""
    people: list[Person] = []

    def visit(url: str, **options: Any) -> Person:
        people.append(Person(open_browser(tmp_path / f"profile{len(people)}", **options)))
        people[-1].browser.get(url)
        return people[-1]

    yield visit
    for person in people:
        person.browser.quit()


@pytest.fixture
def evaluator(start_node: Any, make_checkpoint: Any, tmp_path: Path) -> Callable[[], Any]:
    parameters = {"checkpoint": make_checkpoint("first"), "taught": tmp_path / "taught", "device": "cpu"}
    return lambda: start_node("evaluator", parameters)


def test_a_person_teaches_renames_and_deletes_by_clicking(
    running: Any, evaluator: Any, start_node: Any, browse: Any, tmp_path: Path
) -> None:
    evaluator()
    person = browse(url_from(start_node("page", {"port": 0})))
    person.see("#connection", "connected")
    person.see("#label", "unknown object")
    running.shown = "lying"
    person.teach("Schüssel")
    running.shown = "standing"
    person.teach(SCRIPT)
    person.see("#label", SCRIPT)
    running.shown = "lying"
    person.see("#label", "Schüssel")
    assert person.browser.execute_script("return window.hacked ?? 0") == 0
    assert person.browser.execute_script("return document.querySelectorAll('#categories img, #label *').length") == 0

    person.photograph("taught")
    person.press("Schüssel", "Rename")
    field = person.find("#ask-input")
    field.clear()
    field.send_keys("../bowl")
    person.click("#ask-yes")
    person.wait(lambda: person.row("../bowl") and not person.row("Schüssel"), "the new name")
    person.press(SCRIPT, "Delete")
    person.wait(lambda: not person.row(SCRIPT), "one category less")
    person.click("#undo")
    person.wait(lambda: person.row(SCRIPT), "it comes back")
    person.press(SCRIPT, "Merge")
    person.click("#ask-yes")
    person.wait(lambda: not person.row(SCRIPT), "both in one")
    assert "2 objects" in person.row("../bowl").text
    assert [entry for entry in person.browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_a_person_records_by_clicking_and_sees_rates_and_losses_of_each_stream(
    running: Any, start_node: Any, browse: Any, tmp_path: Path
) -> None:
    start_node("recorder", {"bag_dir": tmp_path / "bags", "storage": "mcap", "autostart": False})
    person = browse(url_from(start_node("page", {"port": 0})))
    person.see("#recorder-line", "not recording")
    person.click("[data-action='recorder/start']")
    person.see("#told", "recording has started")
    person.see("[data-node=recorder] .streams", "/joint_states")
    person.see("[data-node=recorder] .streams", "Hz, jitter")
    person.see("[data-node=recorder] .facts", "frames dropped 0")
    person.click("[data-action='recorder/split']")
    person.see("#told", "_1")
    person.click("[data-action='recorder/stop']")
    person.see("#told", "recording has stopped")
    person.click("[data-action='explorer/stop']")
    person.see("#told", "the explorer is not running")
    assert "bad" in person.find("#told").get_attribute("class")


@pytest.mark.slow
def test_the_page_recovers_from_nodes_that_die_also_its_own(
    running: Any, evaluator: Any, start_node: Any, browse: Any
) -> None:
    first = evaluator()
    page = start_node("page", {"port": 0})
    url = url_from(page)
    person = browse(url)
    person.see("#label", "unknown object")
    person.see("[data-node=evaluator] .message", "nothing is taught yet")
    first.kill()
    person.see("[data-node=evaluator] .message", "silent for")
    person.see("#label", "no answer for")
    evaluator()
    person.see("[data-node=evaluator] .message", "nothing is taught yet")
    person.see("#label", "unknown object")
    page.kill()
    person.see("#connection", "page node silent for")
    person.photograph("silent")
    person.see("#no-picture", "no picture for")
    start_node("page", {"port": url.rsplit(":", 1)[1].strip("/")})
    person.see("#connection", "connected")
    person.wait(lambda: not person.find("#no-picture").is_displayed(), "pictures")


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 768), (False, 390)])
def test_it_follows_the_light_and_fits_a_tablet_and_a_phone(
    running: Any, start_node: Any, browse: Any, dark: bool, width: int
) -> None:
    person = browse(url_from(start_node("page", {"port": 0})), dark=dark, width=width)
    person.wait(lambda: not person.find("#no-picture").is_displayed(), "a picture")
    person.photograph(f"{'dark' if dark else 'light'}_{width}")
    script = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert (max(person.browser.execute_script(script)) < 60) == dark
    assert person.browser.execute_script("return innerWidth") == width
    assert person.browser.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    small = (
        "return [...document.querySelectorAll('button, input, select')].filter(one => one.offsetParent && "
        "one.getBoundingClientRect().height < 40).map(one => one.outerHTML)"
    )
    assert person.browser.execute_script(small) == []
    painted = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
    assert person.browser.execute_script(painted) < 10_000
    others = (
        "return performance.getEntriesByType('resource').map(one => one.name)"
        ".filter(one => !one.startsWith(location.origin))"
    )
    assert person.browser.execute_script(others) == []


def test_a_page_of_another_server_gets_nothing_though_the_browser_has_the_token(start_node: Any, browse: Any) -> None:
    token = "0123456789abcdef"
    person = browse(f"{url_from(start_node('page', {'port': 0, 'token': token}))}?token={token}")
    person.see("#connection", "connected")
    ours = str(person.browser.current_url)
    assert "token" not in ours  # the browser keeps it as a cookie, which it also sends to another port
    with foreign_server(ours) as foreign:
        person.browser.get(foreign)
        told = person.wait(
            lambda: len(found := json.loads(person.browser.title or "{}")) == 2 and found, "its attempts"
        )
    assert told == {"socket": "refused", "page": "refused"}
    person.browser.get(ours)
    person.see("#connection", "connected")
