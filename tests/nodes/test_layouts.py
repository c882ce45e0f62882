"""Layouts of RViz, Foxglove and PlotJuggler name topics that our nodes publish, and fields that their types have."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import GalleryCommand
from aassl_ros.data.interfaces.topic_table import TOPICS
from aassl_ros.learning.online.status import METRICS
from aassl_ros.motion.arms import load_arm
from aassl_ros.nodes.evaluator import NUMBERS
from aassl_ros.nodes.trainer_metrics import BUFFER_FILL

CHECKOUT = Path(__file__).resolve().parents[2]
# What each RViz display listens to, as rviz_default_plugins declares it; None: it has no topic of its own.
RVIZ = {
    "rviz_default_plugins/Grid": None,
    "rviz_default_plugins/TF": None,
    "rviz_default_plugins/RobotModel": "std_msgs/msg/String",
    "rviz_default_plugins/Pose": "geometry_msgs/msg/PoseStamped",
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
}
RVIZ_TOOLS = {f"rviz_default_plugins/{name}" for name in ("Interact", "MoveCamera", "Select", "FocusCamera", "Measure")}
DIAGNOSTICS = "diagnostic_msgs/msg/DiagnosticArray"
STREAMER = "ROS2 Topic Subscriber"


def published_topics() -> dict[str, str]:
    """Absolute name and type of each topic that a node publishes, by the calls of create_publisher in the code."""
    found = {}
    for file in (CHECKOUT / "aassl_ros").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imports = [part for part in ast.walk(tree) if isinstance(part, ast.ImportFrom)]
        types = {
            alias.asname or alias.name: f"{(part.module or '').removesuffix('.msg')}/msg/{alias.name}"
            for part in imports
            if (part.module or "").endswith("_msgs.msg")
            for alias in part.names
        }
        for call in (part for part in ast.walk(tree) if isinstance(part, ast.Call)):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "create_publisher":
                for kind, topic in zip(call.args, call.args[1:], strict=False):
                    if isinstance(kind, ast.Name) and kind.id in types and (name := topic_name(topic)):
                        found[name] = types[kind.id]
    # Made in a loop; tests/nodes/live/test_trainer_outputs.py and test_evaluator_node.py receive them.
    numbers = (*map(topics.metric_topic, (*METRICS, BUFFER_FILL)), *NUMBERS)
    return found | {f"/{topic}": "std_msgs/msg/Float64" for topic in numbers}


def topic_name(expression: ast.expr) -> str | None:
    """Return the topic that a call names; None if it is known only at run time (probes of `aassl doctor`)."""
    known = {"topics": topics, "camera": topics.DEFAULT_CAMERA}
    try:
        name = eval(ast.unparse(expression), {}, known)
    except NameError:
        return None
    return name if name.startswith("/") else f"/{name}"


PUBLISHED = published_topics()


def assert_field(kind: str, fields: list[str]) -> None:
    """Fails unless a message of this type has the field; indices and filters are left out of the names."""
    for field in fields:
        package, _, name = kind.split("/")
        known = getattr(importlib.import_module(f"{package}.msg"), name).get_fields_and_field_types()
        assert field in known, f"{kind} has no field {field}"
        kind = re.sub(r"^sequence<(.+?)(, \d+)?>$|\[\d*\]$", r"\1", known[field]).replace("/", "/msg/")


def assert_diagnostic(node: str, key: str) -> None:
    files = [CHECKOUT / f"aassl_ros/nodes/{node}.py", CHECKOUT / "aassl_ros/learning/online/status.py"]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    assert f'"{key}"' in source, f"{node} reports no {key!r}"


def test_what_the_nodes_publish_is_found_in_their_code() -> None:
    assert PUBLISHED["/camera/image_raw"] == "sensor_msgs/msg/Image"
    assert PUBLISHED["/diagnostics"] == DIAGNOSTICS
    assert len(PUBLISHED) > 12


def test_rviz_shows_topics_of_ours_with_displays_that_it_has() -> None:
    content = yaml.safe_load((CHECKOUT / "config/rviz/aassl.rviz").read_text(encoding="utf-8"))
    manager = content["Visualization Manager"]
    assert {tool["Class"] for tool in manager["Tools"]} <= RVIZ_TOOLS
    shown = {}
    for display in manager["Displays"]:
        kind = RVIZ[display["Class"]]
        topic = display.get("Topic") or display.get("Description Topic")
        assert (topic is None) == (kind is None), display["Name"]
        if topic is not None:
            assert PUBLISHED[topic["Value"]] == kind
            shown[topic["Value"]] = topic
    assert {"/camera/image_raw", "/evaluator/image", "/simulator/truth/object_pose"} <= set(shown)
    # Published once, at the start.
    assert shown["/robot_description"]["Durability Policy"] == "Transient Local"
    assert manager["Global Options"]["Fixed Frame"] == load_arm("panda").base_link


def foxglove_topics(panel: str, config: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The topics that a panel takes whole, and the type it needs."""
    kind = panel.split("!")[0]
    if kind == "Image":
        yield config["imageMode"]["imageTopic"], "sensor_msgs/msg/Image"
        if "calibrationTopic" in config["imageMode"]:
            yield config["imageMode"]["calibrationTopic"], "sensor_msgs/msg/CameraInfo"
    elif kind == "3D":
        yield from ((topic, "geometry_msgs/msg/PoseStamped") for topic in config["topics"])
        for layer in config["layers"].values():
            if layer["layerId"] == "foxglove.Urdf":
                yield layer["topic"], "std_msgs/msg/String"
    elif kind == "DiagnosticSummary":
        yield config["topicToRender"], DIAGNOSTICS
    elif kind == "RawMessages":
        topic, *fields = config["topicPath"].split(".")
        yield topic, "std_msgs/msg/String"
        assert fields == ["data"]
    elif kind == "Publish":
        (row,) = (row for row in TOPICS if f"/{row.name}" == config["topicName"])
        assert row.type == config["datatype"] == "std_msgs/msg/String"
        GalleryCommand.parse(json.loads(config["value"])["data"])  # raises if the evaluator would refuse it
    else:
        assert kind in ("Plot", "StateTransitions"), f"{kind} is no panel of Foxglove that this test knows"


def leaves(node: str | dict[str, Any]) -> list[str]:
    if isinstance(node, str):
        return [node]
    assert set(node) == {"first", "second", "direction", "splitPercentage"}
    assert node["direction"] in ("row", "column")
    return leaves(node["first"]) + leaves(node["second"])


def test_foxglove_shows_topics_and_fields_of_ours() -> None:
    content = json.loads((CHECKOUT / "config/foxglove/aassl.json").read_text(encoding="utf-8"))
    assert set(content) == {"configById", "globalVariables", "userNodes", "playbackConfig", "layout"}
    assert sorted(leaves(content["layout"])) == sorted(content["configById"])
    for panel, config in content["configById"].items():
        for topic, kind in foxglove_topics(panel, config):
            assert PUBLISHED[topic] == kind, panel
        for path in config.get("paths", ()):
            for node, key in re.findall(r'hardware_id=="(.+?)".*key=="(.+?)"', path["value"]):
                assert_diagnostic(node, key)
            topic, *fields = re.sub(r"\[.*?\]|\{.*?\}", "", path["value"]).split(".")
            assert_field(PUBLISHED[topic], fields)


def test_plotjuggler_draws_topics_and_fields_of_ours() -> None:
    root = ElementTree.parse(CHECKOUT / "config/plotjuggler/aassl.xml").getroot()
    assert root.tag == "root"
    for splitter in root.iter("DockSplitter"):
        assert int(splitter.attrib["count"]) == len(splitter) == len(splitter.attrib["sizes"].split(";"))
    streamer = root.find("previouslyLoaded_Streamer")
    assert streamer is not None
    assert streamer.attrib["name"] == STREAMER
    selected = root.find(f"Plugins/plugin[@ID='{STREAMER}']/selected_topics")
    assert selected is not None
    received = selected.attrib["value"].split(";")
    curves = [curve.attrib["name"] for curve in root.iter("curve")]
    assert {f"/evaluator/metrics/{name}/data" for name in ("confidence", "unknown", "latency_ms", "answers_per_s")} <= {
        *curves
    }
    assert {topic for topic in received if not any(curve.startswith(f"{topic}/") for curve in curves)} == set()
    for curve in curves:
        topic = next(topic for topic in received if curve.startswith(f"{topic}/"))
        assert_curve(PUBLISHED[topic], curve.removeprefix(f"{topic}/"))


def assert_curve(kind: str, rest: str) -> None:
    """PlotJuggler names joints and diagnostics by what they hold, and fields of other messages by their path."""
    if kind == "sensor_msgs/msg/JointState":
        joint, field = rest.split("/")
        assert joint in load_arm("panda").joints
        assert field in ("position", "velocity", "effort")
    elif kind == DIAGNOSTICS:
        # hardware_id/name/key: our name is the node's full one, and begins with a slash.
        node, nothing, name, key = rest.split("/")
        assert (nothing, name) == ("", node)
        assert_diagnostic(node, key)
    else:
        assert_field(kind, re.sub(r"\[\d+\]", "", rest).split("/"))
