"""One exception class a layer, raised where the cause is known and caught once, in the CLI or the node.

A message is one line: it names the thing, what was found, what was expected, and what to do.
"""


class AasslError(Exception):
    """What a user can mend; shown as one line, without a traceback.

    quiet: whether another process that meets the same error already says it.
    """

    quiet = False


class ConfigError(AasslError):
    """A setting, argument or set-up file holds a wrong key or value."""


class BagError(AasslError):
    """A bag cannot be written or read, or holds something other than was asked for."""


class DataError(AasslError):
    """Prepared data, a stream or an image is damaged or does not fit."""


class TrajectoryError(AasslError):
    """A trajectory cannot be followed: empty, not finite, or its times do not rise."""


class CheckpointError(AasslError):
    """A checkpoint is damaged, or made by another architecture or action space."""


class SimulationError(AasslError):
    """The simulated world cannot be built or drawn."""


class RosError(AasslError):
    """Something that should talk over ROS 2 is missing or silent."""


class TrainingError(AasslError):
    """Learning cannot go on: the loss is no longer a number."""
