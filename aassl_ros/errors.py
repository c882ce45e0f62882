"""Exceptions: one class per layer, raised where the cause is known and caught once, in the CLI or in the node.

A message is one line. It names the thing, what was found, what was expected, and what to do.
"""


class AasslError(Exception):
    """An error that the user can fix. It is shown as one line, without a traceback.

    quiet: whether another process already reports the same error.
    """

    quiet = False


class ConfigError(AasslError):
    """A setting, an argument or a configuration file holds a wrong key or value."""


class BagError(AasslError):
    """A bag cannot be written or read, or lacks what was asked for."""


class DiskFullError(BagError):
    """Recording stopped because the disk is nearly full. The bag was closed and is complete up to then."""


class DataError(AasslError):
    """Prepared data, a stream or an image is damaged or has the wrong shape or type."""


class TrajectoryError(AasslError):
    """A trajectory cannot be followed: it is empty, has values that are not finite, or times that do not increase."""


class CheckpointError(AasslError):
    """A checkpoint is damaged, or was made with another architecture or action space."""


class SimulationError(AasslError):
    """The simulated world cannot be built or rendered."""


class RosError(AasslError):
    """A ROS 2 node, topic or service is missing or does not answer."""


class TrainingError(AasslError):
    """Training cannot continue: the loss is not a finite number."""


def first_line(error: BaseException) -> str:
    """Return the first line of another library's error, without its full stop; its class name if it has no text.

    At most 300 characters: some libraries repeat the whole input.
    """
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(". ")[:300]
