"""What a browser may ask for."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aassl_ros.page.requests import Action, Drawn, Look, RefusedRequest, parse

NAMES = ["Schüssel", "<script>alert(1)</script>", "../../etc/passwd", "a/b\\c", "杯子", "\u202eabc", "'; DROP", "👩‍🚀"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_can_be_taught(name: str) -> None:
    request = {"id": 3, "gallery": {"command": "teach", "category": name, "seconds": 2}}
    action = parse(json.dumps(request))
    assert isinstance(action, Action)
    assert action.gallery is not None
    assert (action.id, action.gallery.category, action.gallery.seconds) == (3, name, 2.0)


def test_the_other_requests() -> None:
    assert parse('{"drawn": true}') == Drawn()
    assert parse('{"look": false}') == Look(False)
    assert parse('{"id": 0, "action": "explorer/stop"}') == Action(0, name="explorer/stop")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not JSON"),
        ("[]", "is not an object"),
        ('{"drawn": 1.5}', "has no id"),
        ('{"id": true, "action": "recorder/split"}', "has no id"),
        ('{"id": -1, "action": "recorder/split"}', "has no id"),
        ('{"id": 1, "action": "explorer/arm"}', "unknown request"),
        ('{"id": 1, "action": "/other/robot/stop"}', "unknown request"),
        ('{"id": 1, "action": ["explorer/stop"]}', "unknown request"),
        ('{"id": 1, "action": "recorder/split", "more": 1}', "unknown request"),
        ('{"id": 1, "gallery": {"command": "format"}}', "command = 'format'"),
        ('{"id": 1, "gallery": {"command": "teach"}}', "category missing"),
        ('{"id": 1, "gallery": {"command": "teach", "category": "a\\nb"}}', "no line breaks"),
        ('{"id": 1, "gallery": {"command": "teach", "category": "\\ud800"}}', "category"),
        ('{"id": 1, "gallery": {"command": "teach", "category": "a", "seconds": 1e9}}', "seconds"),
        ('{"id": 1, "gallery": 7}', "object"),
        ('{"id": NaN}', "NaN"),
        ('{"id": 1, "gallery": [[[[[]]]]]}', "nested deeper"),
        ('{"id": 1, "gallery": {"command": "delete", "category": "' + "x" * 9000 + '"}}', "characters long"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(RefusedRequest, match=re.escape(why)) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@given(st.text() | st.recursive(st.integers() | st.text() | st.none(), st.lists).map(json.dumps))
def test_nothing_else_happens_whatever_is_sent(text: str) -> None:
    with pytest.raises(RefusedRequest):
        parse(text)
