"""The simulated world: an arm on a table turns an object in front of a fixed camera. Does not depend on ROS.

Time advances only in steps that the caller requests. The same seed and calls give the same frames and joint positions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from aassl_ros.motion.arms import Arm
from aassl_ros.motion.rotations import compose_poses, from_rotation_vector, invert_pose, multiply, random_quaternion
from aassl_ros.settings import setting
from aassl_ros.sim.bullet import pybullet, require_pybullet
from aassl_ros.sim.camera import FAR_M, NEAR_M, Camera, zoomed_fov_deg
from aassl_ros.sim.catalogue import ObjectModel, load_catalogue
from aassl_ros.sim.held_object import DrawnBody, stem_from
from aassl_ros.sim.renderer import Renderer
from aassl_ros.sim.robot_body import JointReading, RobotBody
from aassl_ros.sim.scene import Scene, load_scene

Array = NDArray[np.float64]

STEP_S = 1.0 / 300.0


@dataclass(frozen=True)
class WorldSettings:
    """The appearance of the world. Files are named by their name under sim/ or by a path."""

    catalogue: str = setting("household", "Objects: sim/catalogues/NAME.yaml, or a path.")
    scene: str = setting("table", "Table, room and light: sim/scenes/NAME.yaml, or a path.")
    image_size: int = setting(128, "Width and height of the frames, pixels.", minimum=16, maximum=2048)
    camera_zoom: float = setting(
        1.0, "Magnification of the camera, by which its focal length is multiplied.", minimum=0.25, maximum=8
    )
    renderer: str = setting("cpu", "Renderer: cpu, or egl (the graphics card) if it works.", choices=("cpu", "egl"))
    shadows: bool = setting(False, "Draw shadows; rendering then takes twice as long.")
    light_jitter_deg: float = setting(
        0.0, "Maximum random change of the lamp's direction for each object, degrees.", minimum=0.0, maximum=60.0
    )
    grip_jitter_m: float = setting(
        0.006, "Maximum random offset of the object from the centre of the grip, m.", minimum=0.0, maximum=0.05
    )
    grip_tilt_deg: float = setting(
        180.0, "Maximum random tilt of the object from upright, degrees; 180: any orientation.", minimum=0, maximum=180
    )
    mesh_detail_m: float = setting(
        0.008, "The arm's meshes are simplified to details of this size, m.", minimum=0.001, maximum=0.05
    )


class World:
    """One arm, one scene, one camera, and at most one object in the hand. Close it, or use it in a `with` block."""

    def __init__(self, arm: Arm, settings: WorldSettings | None = None, seed: int = 0) -> None:
        """seed: for object poses if `set_object` gets no generator. Raises ConfigError or SimulationError."""
        require_pybullet()
        self.arm = arm
        self.settings = settings or WorldSettings()
        self.catalogue = load_catalogue(self.settings.catalogue)
        self.object: ObjectModel | None = None
        self._rng = np.random.default_rng(seed)
        self._scene = load_scene(self.settings.scene)
        self._client = pybullet.connect(pybullet.DIRECT)
        try:
            self._build()
        except BaseException:
            self.close()
            raise

    def _build(self) -> None:
        client = self._client
        pybullet.setPhysicsEngineParameter(deterministicOverlappingPairs=1, physicsClientId=client)
        # Objects are added and removed: their meshes must not accumulate in the cache.
        pybullet.setPhysicsEngineParameter(enableFileCaching=0, physicsClientId=client)
        pybullet.setGravity(0, 0, -9.81, physicsClientId=client)
        self.renderer = Renderer(client, self.settings.renderer)
        _build_scene(self._scene, client)
        self.robot = RobotBody(self.arm, client, detail_m=self.settings.mesh_detail_m)
        self._mount = np.array(self.arm.object_offset, dtype=np.float64)
        self._camera = Camera(
            np.array(self.arm.camera_position, dtype=np.float64),
            np.array(self.arm.camera_target, dtype=np.float64),
            zoomed_fov_deg(self.arm.camera_fov_deg, self.settings.camera_zoom),
            self.settings.image_size,
        )
        self._set_camera_matrices()
        self._drawn: DrawnBody | None = None
        self._in_hand = np.array([0, 0, 0, 0, 0, 0, 1.0])
        self._light = np.array(self._scene.light.direction)
        self._command = np.full(len(self.robot.names), np.nan)
        self._command_velocity = np.full(len(self.robot.names), np.nan)

    @property
    def robot_description(self) -> str:
        """The arm's URDF, with meshes named as package://NAME/PATH."""
        return self.robot.description

    @property
    def joint_names(self) -> tuple[str, ...]:
        """The arm's joints, then the gripper's. All joint arrays here have this order."""
        return self.robot.names

    def set_command(self, position: Array, velocity: Array | None = None) -> None:
        """Set the commanded joint state at the end of the next step: position, velocity float64 [J], rad and rad/s.

        A joint whose position is NaN has no command and does not move. The limits of position, velocity and
        acceleration hold for any command.
        """
        self._command = np.asarray(position, dtype=np.float64)
        self._command_velocity = np.zeros_like(self._command) if velocity is None else np.asarray(velocity)

    def step(self, seconds: float = STEP_S) -> None:
        """Take one physics step of at most STEP_S."""
        pybullet.setTimeStep(seconds, physicsClientId=self._client)
        self.robot.drive(self._command, self._command_velocity, seconds)
        pybullet.stepSimulation(physicsClientId=self._client)

    def joint_state(self) -> JointReading:
        """The current joint states."""
        return self.robot.reading()

    def set_object(self, instance: str | None, rng: np.random.Generator | None = None) -> ObjectModel | None:
        """Replace the object in the hand, with a new random pose; None empties the hand.

        Raises SimulationError, and changes nothing, if the catalogue has no such instance.
        """
        model = self.catalogue.find(instance) if instance is not None else None
        rng = rng or self._rng
        if self._drawn is not None:
            self._drawn.remove()
            self._drawn = None
        if model is not None:
            shift = rng.uniform(-1.0, 1.0, 3) * self.settings.grip_jitter_m
            self._in_hand = np.concatenate([shift, self._draw_rotation(rng)])
            self._light = self._draw_light(rng)
            stem = stem_from(invert_pose(compose_poses(self._mount, self._in_hand))[:3], model)
            self._drawn = DrawnBody([*model.meshes, stem], self._client)
        self.object = model
        return model

    def render(self) -> NDArray[np.uint8]:
        """The current camera picture: uint8 [H, W, 3] RGB."""
        self._place_object()
        size, light = self.settings.image_size, self._scene.light
        picture = pybullet.getCameraImage(
            size,
            size,
            self._view_matrix,
            self._projection_matrix,
            lightDirection=self._light.tolist(),
            lightAmbientCoeff=light.ambient,
            lightDiffuseCoeff=light.diffuse,
            lightSpecularCoeff=light.specular,
            shadow=int(self.settings.shadows),
            renderer=self.renderer.code,
            flags=pybullet.ER_NO_SEGMENTATION_MASK,
            physicsClientId=self._client,
        )[2]
        rgba = np.asarray(picture, dtype=np.uint8).reshape(size, size, 4)
        return np.ascontiguousarray(rgba[:, :, :3])

    def object_pose(self) -> Array:
        """Pose [7] of the object in the camera's optical frame, metres; of the grip if the hand is empty."""
        return compose_poses(invert_pose(self._camera_in_world), self._object_in_world())

    def camera_pose(self) -> Array:
        """Pose [7] of the camera's optical frame (x right, y down, z forward) in the arm's base frame, metres."""
        return self._camera.pose()

    def camera_matrix(self) -> Array:
        """The camera's intrinsic matrix [3, 3], pixels."""
        return self._camera.matrix()

    def close(self) -> None:
        """Free the simulation. Only `close` may be called after this."""
        if self._client >= 0:
            pybullet.disconnect(self._client)
            self._client = -1

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _object_in_world(self) -> Array:
        mount = compose_poses(self.robot.tip_pose(), self._mount)
        return mount if self.object is None else compose_poses(mount, self._in_hand)

    def _place_object(self) -> None:
        if self._drawn is not None:
            self._drawn.place(self._object_in_world())

    def _set_camera_matrices(self) -> None:
        # PyBullet's world differs from the base frame if the URDF has a link before the base link.
        self._camera_in_world = compose_poses(self.robot.base_pose(), self._camera.pose())
        optical_to_gl = np.diag([1.0, -1.0, -1.0, 1.0])
        world_to_camera = np.eye(4)
        back = invert_pose(self._camera_in_world)
        world_to_camera[:3, :3] = np.array(pybullet.getMatrixFromQuaternion(back[3:].tolist())).reshape(3, 3)
        world_to_camera[:3, 3] = back[:3]
        self._view_matrix = (optical_to_gl @ world_to_camera).T.reshape(-1).tolist()
        self._projection_matrix = pybullet.computeProjectionMatrixFOV(self._camera.fov_deg, 1.0, NEAR_M, FAR_M)

    def _draw_rotation(self, rng: np.random.Generator) -> Array:
        """Random orientation of the object in the hand: a turn about its vertical axis, then a tilt."""
        if self.settings.grip_tilt_deg >= 180:
            return random_quaternion(rng)
        turn = from_rotation_vector(np.array([0.0, 0.0, rng.uniform(-np.pi, np.pi)]))
        direction = rng.uniform(-np.pi, np.pi)
        tilt = np.deg2rad(self.settings.grip_tilt_deg) * np.sqrt(rng.uniform())
        axis = np.array([np.cos(direction), np.sin(direction), 0.0])
        return multiply(from_rotation_vector(tilt * axis), turn)

    def _draw_light(self, rng: np.random.Generator) -> Array:
        direction = np.array(self._scene.light.direction)
        spread = math.tan(math.radians(self.settings.light_jitter_deg)) * float(np.linalg.norm(direction))
        return direction + rng.uniform(-1.0, 1.0, 3) * spread


def _build_scene(scene: Scene, client: int) -> None:
    for box in scene.boxes:
        half = [length / 2 for length in box.lengths]
        colour = [*box.colour, 1.0]
        seen = pybullet.createVisualShape(pybullet.GEOM_BOX, halfExtents=half, rgbaColor=colour, physicsClientId=client)
        felt = pybullet.createCollisionShape(pybullet.GEOM_BOX, halfExtents=half, physicsClientId=client)
        pybullet.createMultiBody(0.0, felt, seen, list(box.centre), physicsClientId=client)
