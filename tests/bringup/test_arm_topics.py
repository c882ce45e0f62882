"""The topics that a real arm's file names are those of its nodes, unless an argument gives others."""

from __future__ import annotations

from aassl_ros.bringup.systems import NodeSpec, node_specs


def specs(**given: str) -> dict[str, NodeSpec]:
    return {spec.name: spec for spec in node_specs("online", {"robot": "real", **given})}


def test_the_arms_file_gives_command_and_camera_topics():
    started = specs(arm="ur5e")
    controller = "scaled_joint_trajectory_controller"
    for spec in started.values():
        remapped = dict(spec.remappings)
        assert remapped["joint_trajectory_controller/joint_trajectory"] == f"{controller}/joint_trajectory"
        assert remapped["camera/image_raw"] == "/camera/camera/color/image_raw"
        assert remapped["camera/camera_info"] == "/camera/camera/color/camera_info"
    for node in ("recorder", "trainer"):
        assert started[node].parameters["command_topics"] == [f"arm:{controller}/controller_state"]
    assert "command_topics" not in started["explorer"].parameters


def test_every_camera_of_the_arm_is_recorded_and_a_leaders_joints_are_the_commands():
    started = specs(arm="so101")
    assert started["recorder"].parameters["cameras"] == ["camera", "wrist"]
    assert started["recorder"].parameters["command_topics"] == ["arm:leader/joint_states"]
    assert dict(started["recorder"].remappings)["wrist/image_raw"] == "/wrist/image_raw"
    assert started["trainer"].parameters["camera"] == "camera"


def test_arguments_go_before_the_arms_file():
    started = specs(arm="ur5e", command_topic="/mine", image_topic="/other/image_raw")
    remapped = dict(started["explorer"].remappings)
    assert remapped["joint_trajectory_controller/joint_trajectory"] == "/mine"
    assert remapped["camera/image_raw"] == "/other/image_raw"
    assert started["recorder"].parameters["cameras"] == ["camera"]


def test_in_simulation_the_file_changes_no_topic():
    for spec in node_specs("online", {"arm": "ur5e"}):
        assert spec.remappings == ()
        assert "command_topics" not in spec.parameters
