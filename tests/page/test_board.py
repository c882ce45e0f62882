"""What a page is sent: each part once, and again only if it has changed."""

from __future__ import annotations

import json
from typing import Any

from aassl_ros.page.board import Board, Seen, Status
from aassl_ros.page.curves import Curves


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def parts(text: str) -> dict[str, Any]:
    return dict(json.loads(text)["parts"])


def test_a_viewer_gets_each_part_once_and_only_the_newest() -> None:
    clock = Clock()
    board, seen = Board(clock=clock), Seen()
    board.put("answer", {"label": "mug"})
    board.put("answer", {"label": "bowl"})
    board.put("gallery", {"undo": ""})
    clock.now_s += 3
    first = board.news(seen)
    assert parts(first) == {"answer": {"label": "bowl", "heard": 100.0}, "gallery": {"undo": "", "heard": 100.0}}
    assert json.loads(first)["now"] == 103.0
    assert board.news(seen) == ""
    board.put("answer", {"label": "can"})
    assert parts(board.news(seen)).keys() == {"answer"}
    assert parts(board.news(Seen())).keys() == {"answer", "gallery"}


def test_nodes_of_the_own_robot_have_short_names() -> None:
    board = Board("left")
    for name in ("/left/trainer", "/right/trainer", "/left/"):
        board.hear(Status(name, 0, "learning", {}))
    assert parts(board.news(Seen())).keys() == {"node/trainer", "node//right/trainer", "node/?"}


def test_any_text_of_another_node_can_be_sent() -> None:
    board = Board()
    nasty = "</script>\u2028\udc00\x00" + "x" * 10_000
    board.hear(Status("/a", 2, nasty, {nasty: nasty, **{str(number): "" for number in range(1000)}}))
    for number in range(1000):
        board.hear(Status(f"/node{number}", 0, "", {}))
    text = board.news(Seen())
    assert len(text.encode("utf-8")) < 20_000
    found = parts(text)
    assert len(found) == 40
    assert len(found["node/a"]["values"]) == 80
    assert found["node/a"]["message"] == nasty[:400]


def test_curves_are_sent_from_where_a_viewer_is() -> None:
    clock = Clock()
    board, seen = Board(clock=clock), Seen()
    board.hear(Status("/trainer", 0, "", {"loss": "2.5", "action": "nan", "step": "7", "state": "learning"}))
    assert json.loads(board.news(seen))["points"] == [{"at": 100.0, "loss": 2.5, "step": 7.0}]
    board.hear(Status("/explorer", 0, "", {"loss": "9"}))
    assert "points" not in json.loads(board.news(seen))
    clock.now_s += 1
    board.hear(Status("/trainer", 0, "", {"rankme": "12"}))
    assert json.loads(board.news(seen))["points"] == [{"at": 101.0, "rankme": 12.0}]
    assert len(json.loads(board.news(Seen()))["points"]) == 2


def test_old_points_are_thinned_and_new_ones_kept() -> None:
    curves = Curves()
    for second in range(20_000):
        curves.add("trainer", {"loss": "1"}, float(second))
    assert len(curves.points) <= 2000
    assert curves.points[-1].at_s == 19_999
    assert curves.points[-2].at_s == 19_998
    assert curves.points[0].at_s == 0
    assert [point.number for point in curves.points] == sorted(point.number for point in curves.points)
    assert len(curves.since(19_990)) == 10
