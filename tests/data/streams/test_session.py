from __future__ import annotations

import json

import pytest

from aassl_ros.data.streams.session import Roles, Session
from aassl_ros.errors import BagError

SESSION = Session(
    robot="left",
    arm="panda",
    base_link="base",
    tip_link="tip",
    roles=Roles({"front": "/left/front/image_raw"}, "/left/joint_states", {"arm": "/left/command"}, "/left/episode"),
    namespace="/left",
    joint_groups={"arm": ("a", "b")},
    settings={"cameras": ["front"]},
    versions={"python": "3.11"},
    started_ns=5,
)


def test_a_session_survives_its_json() -> None:
    assert Session.from_json(SESSION.to_json()) == SESSION


def test_the_recorders_own_topics_are_in_its_namespace() -> None:
    assert SESSION.topic("recorder/session") == "/left/recorder/session"
    assert Session("", "", "", "", Roles({}, "/j")).topic("recorder/session") == "/recorder/session"


@pytest.mark.parametrize("text", ["", "{}", "[1]", "nonsense", '{"format": 1}', '{"format": 1, "roles": 3}'])
def test_a_damaged_session_is_refused(text: str) -> None:
    with pytest.raises(BagError, match="session of the bag"):
        Session.from_json(text)


def test_a_session_of_a_later_format_says_what_to_do() -> None:
    values = json.loads(SESSION.to_json())
    del values["schema"]
    for later in ({"schema": "aassl_ros/recorder/session/99"}, {"format": 99}):
        with pytest.raises(BagError, match="update aassl_ros"):
            Session.from_json(json.dumps({**values, **later}))


def test_a_session_without_schema_key_is_read() -> None:
    values = json.loads(SESSION.to_json())
    del values["schema"]
    assert Session.from_json(json.dumps({"format": 1, **values})) == SESSION
