"""The report of a bag shows frames of its episodes, and stays small."""

from __future__ import annotations

import base64
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aassl_ros.benchmarks.recordings import record_bag
from aassl_ros.cli.main import main
from aassl_ros.data.bags.labels import write_labels
from aassl_ros.data.bags.reader import BagReader
from aassl_ros.data.bags.writer import BagWriter
from aassl_ros.data.gallery.lessons import UNKNOWN
from aassl_ros.data.interfaces.json_records import EvaluatorAnswer
from aassl_ros.data.streams import messages
from aassl_ros.data.streams.episodes import Episode, EpisodeEvent
from aassl_ros.data.streams.messages import frame_from_message, header_stamp_ns
from aassl_ros.reports.bag_pictures import FRAMES_OF_STRIP, MOST_STRIPS, bag_pictures

CAMERA = "/camera/image_raw"


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.asarray(picture[:, :, ::-1], np.uint8)


def frames_of(bag: Path) -> dict[int, NDArray[np.uint8]]:
    with BagReader(bag) as reader:
        return {
            header_stamp_ns(message.data): frame_from_message(reader.decode(message))
            for message in reader.messages([CAMERA])
        }


def compressed_image(stamp_ns: int, data: NDArray[np.uint8]) -> Any:
    types = messages.typestore().types
    stamp = types["builtin_interfaces/msg/Time"](*divmod(stamp_ns, 1_000_000_000))
    header = types["std_msgs/msg/Header"](stamp=stamp, frame_id="camera")
    return types[messages.COMPRESSED_IMAGE](header=header, format="jpeg", data=data.ravel())


@pytest.mark.parametrize("kind", ["jpeg", "raw"])
def test_the_pictures_are_the_frames_at_their_stamps_from_first_to_last(kind: str, tmp_path: Path) -> None:
    record_bag(tmp_path / "bag", kind, 60, 50, 0)
    frames = frames_of(tmp_path / "bag")
    (strip,) = bag_pictures(tmp_path / "bag").strips
    assert "mug" in strip.title
    assert strip.frames == 60
    assert len(strip.stamps_ns) == FRAMES_OF_STRIP
    assert (strip.stamps_ns[0], strip.stamps_ns[-1]) == (min(frames), max(frames))
    small = {stamp: cv2.resize(frame, (160, 120), interpolation=cv2.INTER_AREA) for stamp, frame in frames.items()}
    for stamp, jpeg in zip(strip.stamps_ns, strip.pictures, strict=True):
        assert jpeg is not None
        shown = decoded(jpeg).astype(float)
        nearest = min(small, key=lambda other: float(np.abs(shown - small[other]).mean()))
        assert np.array_equal(small[nearest], small[stamp])  # scenes repeat
        assert np.abs(shown - small[stamp]).mean() < 8


def test_a_page_with_many_episodes_stays_small_and_says_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = tmp_path / "bag"
    record_bag(bag, "small", 400, 50, 0)
    stamps = sorted(frames_of(bag))
    first = Episode("", "", "a<b>", "mug", "train", 0)
    episodes = [
        replace(first, id=f"00000000-0000-4000-8000-{place:012d}", start_ns=stamps[4 * place], stop_ns=stop)
        for place, stop in enumerate((*stamps[4::4], stamps[-1] + 1))
    ]
    write_labels(bag, [*episodes[:-1], replace(episodes[-1], discarded=True)])
    found = bag_pictures(bag)
    assert len(found.strips) == MOST_STRIPS
    assert found.left_out == 99 - MOST_STRIPS
    assert all(strip.frames == len(strip.stamps_ns) == 4 for strip in found.strips)
    assert main(["report", str(bag)]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert [decoded(base64.b64decode(one)).shape for one in pictures] == [(32, 32, 3)] * (4 * MOST_STRIPS)
    assert "<b>" not in page.split("Episodes", 1)[1].split("<table", 1)[0]
    assert f"{99 - MOST_STRIPS} more have no pictures" in page


def test_a_bag_without_episodes_and_a_damaged_frame_still_have_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:
        writer.add_topic(CAMERA, messages.COMPRESSED_IMAGE)
        for number in range(3):
            stamp = 1_000_000_000 + number * 100_000_000
            picture = cv2.imencode(".jpg", np.full((480, 640, 3), 80 * number, np.uint8))[1]
            message = compressed_image(stamp, picture[:20] if number == 1 else picture)
            writer.write(CAMERA, stamp, stamp, messages.encode(message, messages.COMPRESSED_IMAGE))
    (strip,) = bag_pictures(bag).strips
    assert strip.title == "whole bag"
    assert [picture is None for picture in strip.pictures] == [False, True, False]
    assert main(["report", str(bag)]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    assert "0.10 s (damaged)" in page
    assert page.count("data:image/jpeg") == 2


def test_answers_in_a_bag_are_compared_with_the_categories_of_its_episodes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bag = tmp_path / "bag"
    episodes = [
        ("00000000-0000-4000-8000-000000000001", "mug", 10, 20),
        ("00000000-0000-4000-8000-000000000002", "<b>bowl", 20, 30),
    ]
    answers = [
        (5, "mug", 0.9),  # before the first episode
        (10, "mug", 0.95),
        (15, "mug", 0.75),
        (20, "mug", 0.95),
        (25, UNKNOWN, 0.35),
        (30, "<b>bowl", 0.9),  # after the last one
    ]
    with BagWriter(bag) as writer:
        for topic in ("/episode", "/left/evaluator/answer"):
            writer.add_topic(topic, messages.STRING)
        for id, category, start, stop in episodes:
            for event in (EpisodeEvent(id, start, "start", "one", category), EpisodeEvent(id, stop, "stop")):
                writer.write("/episode", event.stamp_ns, event.stamp_ns, messages.encode_string(event.to_json()))
        for stamp, label, sure in answers:
            text = EvaluatorAnswer(stamp, label, {"mug": sure, "<b>bowl": 0.01}, "ab", 3.0).to_json()
            writer.write("/left/evaluator/answer", stamp, stamp, messages.encode_string(text))
        writer.write("/left/evaluator/answer", 40, 40, messages.encode_string("no answer"))
    assert main(["report", str(bag)]) == 0
    page = Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
    assert "Answers on /left/evaluator/answer" in page
    assert "6 answers, 4 of them for frames of episodes with a category" in page
    for figure, name in (("50.0 %", "correct"), ("25.0 %", "called unknown"), ("38.3 %", "calibration error")):
        assert f"<b>{figure}</b>{name}" in page
    csv = {name: base64.b64decode(text).decode().splitlines()
           for name, text in re.findall(r'download="([^"]+)" href="data:text/csv;base64,([^"]+)"', page)}  # fmt: skip
    assert csv["answers.csv"][1:] == [
        "10,mug,mug,0.95",
        "15,mug,mug,0.75",
        "20,<b>bowl,mug,0.95",
        f"25,<b>bowl,{UNKNOWN},0.35",
    ]
    assert csv["reliability_of_answers.csv"][-1] == ",0.9 to 1,0.9500,0.5000,2"
    assert "<b>bowl" not in page


def test_a_bag_without_a_camera_has_a_page_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:
        writer.add_topic("/note", messages.STRING)
        writer.write("/note", 1, 1, messages.encode_string("nothing to see"))
    assert bag_pictures(bag).strips == ()
    assert main(["report", str(bag)]) == 0
    assert "There is no frame." in Path(capsys.readouterr().out.strip()).read_text(encoding="utf-8")
