"""The definition of the systems, which launch files and `aassl up` share."""

from __future__ import annotations

from pathlib import Path

import pytest

from aassl_ros.bringup.systems import SYSTEMS, node_specs
from aassl_ros.errors import ConfigError


def test_with_a_real_robot_the_simulator_is_left_out_and_real_time_is_used() -> None:
    simulated = node_specs("online", {})
    real = node_specs("online", {"robot": "real"})
    assert [node.name for node in simulated] == ["simulator", "recorder", "trainer", "evaluator", "explorer"]
    assert [node.name for node in real] == ["recorder", "trainer", "evaluator", "explorer"]
    assert {node.name: node.parameters["use_sim_time"] for node in simulated} == {
        "simulator": False,
        "recorder": True,
        "trainer": True,
        "evaluator": True,
        "explorer": True,
    }
    assert not any(node.parameters["use_sim_time"] for node in real)


def test_arguments_set_their_parameters_with_the_right_types() -> None:
    given = {"objects": "train:mug_0001, test:mug_0002", "episode_seconds": "2", "seed": "7", "exit_when_done": "true"}
    explorer = next(node for node in node_specs("collect", given) if node.name == "explorer")
    assert explorer.parameters["objects"] == ["train:mug_0001", "test:mug_0002"]
    assert isinstance(explorer.parameters["episode_seconds"], float)
    assert explorer.parameters["seed"] == 7
    assert explorer.parameters["exit_when_done"] is True


def test_how_images_are_recorded_is_passed_on() -> None:
    given = {"image_transport": "compressed", "jpeg_quality": "85"}
    recorder = next(node for node in node_specs("collect", given) if node.name == "recorder")
    assert recorder.parameters["image_transport"] == "compressed"
    assert recorder.parameters["jpeg_quality"] == 85


def test_a_live_system_needs_no_arm_and_shows_the_source_that_is_given() -> None:
    camera, evaluator = node_specs("live", {"camera": "eye", "camera_source": "0", "camera_loop": "false"})
    assert camera.parameters == {"use_sim_time": False, "camera": "eye", "source": "0", "loop": False}
    assert evaluator.parameters["camera"] == "eye"
    assert [camera.name, evaluator.name] == ["camera", "evaluator"]
    assert '-p source:="0"' in " ".join(camera.ros_arguments())  # not a number


def test_a_live_system_in_simulation_has_an_arm_in_place_of_the_camera_node() -> None:
    started = node_specs("live", {"robot": "sim", "objects": "train:mug_0001", "repeat": "true"})
    assert [node.name for node in started] == ["simulator", "evaluator", "explorer"]
    assert started[-1].parameters["repeat"] is True
    assert started[1].parameters["use_sim_time"] is True


def test_if_an_argument_is_left_out_the_parameter_file_decides() -> None:
    recorder = next(node for node in node_specs("collect", {}) if node.name == "recorder")
    assert "storage" not in recorder.parameters
    assert Path(recorder.parameters_file).name == "recorder.yaml"


def test_topics_of_a_real_camera_and_arm_are_remapped() -> None:
    given = {
        "robot": "real",
        "image_topic": "/rgb/image",
        "joint_states_topic": "/arm/joint_states",
        "namespace": "left",
    }
    recorder = next(node for node in node_specs("collect", given) if node.name == "recorder")
    words = " ".join(recorder.ros_arguments())
    assert "-r camera/image_raw:=/rgb/image" in words
    assert "-r camera/image_raw/compressed:=/rgb/image/compressed" in words
    assert "-r camera/camera_info:=/rgb/camera_info" in words
    assert "-r joint_states:=/arm/joint_states" in words
    assert "-r __ns:=/left" in words


def test_the_users_own_parameter_folder_replaces_file_by_file(tmp_path: Path) -> None:
    (tmp_path / "recorder.yaml").write_text("/**/recorder:\n  ros__parameters: {}\n")
    files = {node.name: Path(node.parameters_file) for node in node_specs("collect", {"config": str(tmp_path)})}
    assert files["recorder"] == tmp_path / "recorder.yaml"
    assert files["explorer"].name == "explorer.yaml"
    assert files["explorer"].parent != tmp_path


@pytest.mark.parametrize(
    ("system", "given", "message"),
    [
        ("fly", {}, "there is no system 'fly', expected one of collect, train, evaluate, live, online, page."),
        ("collect", {"arms": "panda"}, "collect: unknown argument 'arms', expected one of robot, arm,"),
        ("collect", {"robot": "imaginary"}, "collect: robot = 'imaginary', expected one of sim, real."),
        ("collect", {"seed": "many"}, "seed = 'many', expected an integer."),
        ("collect", {"exit_when_done": "perhaps"}, "exit_when_done = 'perhaps', expected true or false."),
        ("collect", {"objects": "train:mug_0001,"}, "objects = 'train:mug_0001,', expected a list as a,b,c."),
        ("collect", {"config": "/nowhere"}, "config = '/nowhere' does not exist"),
        (
            "collect",
            {"config": "/"},
            "config = '/' is a folder without parameter files, expected some of camera.yaml, evaluator.yaml,",
        ),
    ],
)
def test_a_wrong_argument_is_named(system: str, given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        node_specs(system, given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_argument_is_described(name: str) -> None:
    assert all(argument.description for argument in SYSTEMS[name].arguments)


def test_the_page_is_a_system_and_part_of_others_if_asked_for() -> None:
    assert [spec.name for spec in node_specs("page", {"page_port": "0"})] == ["page"]
    assert [spec.name for spec in node_specs("evaluate", {})] == ["evaluator"]
    specs = node_specs("evaluate", {"page": "true", "page_host": "0.0.0.0", "page_port": "8800"})
    assert [spec.name for spec in specs] == ["evaluator", "page"]
    assert specs[1].parameters == {"use_sim_time": True, "camera": "camera", "host": "0.0.0.0", "port": 8800}
