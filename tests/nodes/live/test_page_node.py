"""The page node beside a real evaluator, over DDS: what a page sees, and what its buttons do."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import cv2
import numpy as np
import pytest
from page_viewer import PageViewer, url_from
from std_srvs.srv import Trigger

Open = Callable[..., PageViewer]


@pytest.fixture
def open_page() -> Iterator[Open]:
    """open_page(url): a viewer; closed at the end."""
    viewers: list[PageViewer] = []

    def make(url: str, **options: Any) -> PageViewer:
        viewers.append(PageViewer(url, **options))
        return viewers[-1]

    yield make
    for viewer in viewers:
        viewer.stop()


@pytest.fixture
def start_page(start_node: Any) -> Callable[..., tuple[Any, str]]:
    """start_page(host="0.0.0.0") starts the node; returns its process and the address that it printed."""

    def start(**parameters: Any) -> tuple[Any, str]:
        process = start_node("page", {"port": 0, **parameters})
        return process, url_from(process)

    return start


@pytest.fixture
def evaluator(start_node: Any, make_checkpoint: Any, tmp_path: Path) -> Callable[[], Any]:
    """evaluator() starts one that can be taught."""
    checkpoint = make_checkpoint("first")
    parameters = {"checkpoint": checkpoint, "taught": tmp_path / "taught", "device": "cpu", "smoothing_s": 0.0}
    return lambda: start_node("evaluator", parameters)


def answer(ros: Any, page: PageViewer, id: int, request: dict[str, Any]) -> tuple[bool, str]:
    page.send({"id": id, **request})
    told = ros.wait_for(lambda: page.answers.get(id), what=f"the answer to {request}")
    return told["done"], told["line"]


def test_a_page_sees_the_camera_and_teaches_renames_merges_deletes_and_undoes(
    ros: Any, stage: Any, evaluator: Any, start_page: Any, open_page: Open
) -> None:
    evaluator()
    page = open_page(start_page()[1])
    ros.wait_for(lambda: page.pictures > 3 and "answer" in page.parts, what="pictures and answers")
    assert cv2.imdecode(np.frombuffer(page.picture, np.uint8), cv2.IMREAD_COLOR).shape == (48, 48, 3)
    assert page.parts["answer"]["label"] == "__unknown__"
    for id, category in enumerate(("lying", "standing")):
        stage.shown = category
        ros.spin(0.3)
        done, line = answer(
            ros, page, id, {"gallery": {"command": "teach", "category": f"<b>{category}/..", "seconds": 0.5}}
        )
        assert done, line
    taught = lambda: set(page.parts["gallery"]["categories"])  # noqa: E731
    ros.wait_for(lambda: taught() == {"<b>lying/..", "<b>standing/.."}, what="both categories")
    ros.wait_for(lambda: page.parts["answer"]["label"] == "<b>standing/..", what="its name")
    steps: list[tuple[dict[str, str], set[str]]] = [
        ({"command": "rename", "category": "<b>lying/..", "to": "杯"}, {"杯", "<b>standing/.."}),
        ({"command": "merge", "category": "<b>standing/..", "to": "杯"}, {"杯"}),
        ({"command": "undo"}, {"杯", "<b>standing/.."}),
        ({"command": "delete", "category": "杯"}, {"<b>standing/.."}),
    ]
    for id, (command, left) in enumerate(steps, start=10):
        assert answer(ros, page, id, {"gallery": command})[0]
        ros.wait_for(lambda left=left: taught() == left, what=f"{left} after {command}")
    done, line = answer(ros, page, 20, {"gallery": {"command": "delete", "category": "nothing"}})
    assert not done
    assert "nothing" in line


def test_ten_lessons_at_once_are_each_answered(
    ros: Any, stage: Any, evaluator: Any, start_page: Any, open_page: Open
) -> None:
    evaluator()
    page = open_page(start_page()[1])
    ros.wait_for(lambda: "answer" in page.parts, what="the evaluator")
    for id in range(10):
        page.send({"id": id, "gallery": {"command": "teach", "category": f"thing {id}", "seconds": 0.2}})
    ros.wait_for(lambda: len(page.answers) == 10, what="ten answers")
    assert all(one["done"] for one in page.answers.values())
    ros.wait_for(lambda: len(page.parts["gallery"]["categories"]) == 10, what="ten categories")


@pytest.mark.slow
def test_nodes_that_die_fall_silent_and_are_heard_again(
    ros: Any, stage: Any, evaluator: Any, start_page: Any, open_page: Open
) -> None:
    first = evaluator()
    page = open_page(start_page()[1])
    ros.wait_for(lambda: "answer" in page.parts and "node/evaluator" in page.parts, what="the evaluator")
    first.kill()
    first.wait()
    ros.spin(1.5)  # what is on its way arrives
    heard = page.parts["node/evaluator"]["heard"], page.parts["answer"]["heard"]
    pictures = page.pictures
    ros.spin(2.5)
    assert (page.parts["node/evaluator"]["heard"], page.parts["answer"]["heard"]) == heard
    assert page.pictures > pictures
    done, line = answer(ros, page, 1, {"gallery": {"command": "list"}})
    # The middleware may believe for 20 s that a killed node is there.
    assert not done
    assert line in ("no evaluator is running that can be taught", "the evaluator did not answer within 10 s")
    evaluator()
    ros.wait_for(lambda: page.parts["answer"]["heard"] > heard[1], what="answers again")
    ros.wait_for(lambda: answer(ros, page, 2, {"gallery": {"command": "list"}}), what="an answer of the new one")


def test_recorder_and_explorer_are_controlled(
    ros: Any, stage: Any, start_node: Any, start_page: Any, open_page: Open, tmp_path: Path
) -> None:
    stopped: list[Trigger.Request] = []

    def stop(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        stopped.append(request)
        response.success, response.message = True, "the arm is at rest"
        return response

    stage.node.create_service(Trigger, "explorer/stop", stop)
    page = open_page(start_page()[1])
    ros.wait_for(lambda: page.connected, what="the page")
    done, line = answer(ros, page, 0, {"action": "recorder/split"})
    assert not done
    assert "the recorder is not running" in line
    assert answer(ros, page, 1, {"action": "explorer/stop"}) == (True, "the arm is at rest")
    assert len(stopped) == 1
    start_node("recorder", {"bag_dir": tmp_path / "bags", "storage": "mcap", "autostart": False})
    ros.wait_for(lambda: "node/recorder" in page.parts, what="the recorder")
    assert answer(ros, page, 2, {"action": "recorder/start"}) == (True, "recording has started")
    ros.wait_for(lambda: int(page.parts["node/recorder"]["values"].get("frames_written", 0)) > 10, what="frames")
    assert any(name.startswith("/camera") for name in page.parts["node/recorder"]["values"])
    done, line = answer(ros, page, 3, {"action": "recorder/split"})
    assert done
    assert Path(line).name.endswith("_1")
    assert answer(ros, page, 4, {"action": "recorder/stop"}) == (True, "recording has stopped")
    assert answer(ros, page, 5, {"action": "recorder/stop"})[0] is False
    assert len([path for path in (tmp_path / "bags").iterdir() if (path / "metadata.yaml").is_file()]) == 2


def test_nothing_is_encoded_while_nobody_looks_and_once_for_two(
    ros: Any, stage: Any, start_page: Any, open_page: Open
) -> None:
    def encoded() -> int:
        return int(stage.values("page").get("pictures_encoded", -1))

    _, url = start_page(page_hz=5.0)
    ros.wait_for(lambda: encoded() == 0, what="the page's diagnostics")
    ros.spin(1.5)
    assert encoded() == 0
    assert stage.images.get_subscription_count() == 0
    pages = [open_page(url), open_page(url), open_page(url, slow=True)]
    ros.wait_for(lambda: min(page.pictures for page in pages[:2]) >= 10, what="pictures")
    for page in pages:
        page.stop()
    # The diagnostics after the last picture.
    ros.wait_for(lambda: stage.images.get_subscription_count() == 0, what="the camera to be let go")
    ros.spin(1.5)
    assert max(page.pictures for page in pages) <= encoded() <= max(page.pictures for page in pages) + 3
    assert pages[2].pictures == 1


def test_for_others_a_token_is_made_and_printed(start_page: Any) -> None:
    _, url = start_page(host="0.0.0.0")
    address, token = url.split("/?token=")
    port = address.rsplit(":", 1)[1]
    assert len(token) > 16

    async def visit() -> list[int]:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            found = []
            for path in ("/", f"/?token={token}x", f"/?token={token}"):
                async with session.get(path, allow_redirects=False) as response:
                    found.append(response.status)
            return found

    assert asyncio.run(visit()) == [403, 403, 303]


def test_a_port_in_use_ends_the_node_with_one_line(ros: Any, start_page: Any, start_node: Any) -> None:
    port = start_page()[1].rsplit(":", 1)[1].strip("/")
    second = start_node("page", {"port": port})
    said, _ = second.communicate(timeout=60)
    assert second.returncode == 1
    assert said.count("\n") == 1
    assert f"127.0.0.1:{port} is in use" in said


def test_a_page_closes_its_viewers_when_it_ends(ros: Any, stage: Any, start_page: Any, open_page: Open) -> None:
    process, url = start_page()
    page = open_page(url)
    ros.wait_for(lambda: page.pictures, what="a picture")
    process.send_signal(signal.SIGINT)
    ros.wait_for(lambda: process.poll() is not None and page.closed, what="the end")
    assert process.returncode == 0
