"""What every test needs: ROS 2 from wheels or a sourced installation, ready before the first import of rclpy."""

from __future__ import annotations

import os
import signal

from hypothesis import HealthCheck, settings

from aassl_ros.ros_environment import prepare_environment

prepare_environment()
# Before torch is first imported, here or in a process that a test starts: the tests' models are too small for two
# threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test may fail because a machine is slow or busy.
# CI judges a change and not the luck of a draw: there, examples are the same each time. Elsewhere they are new.
settings.register_profile(
    "any machine",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("AASSL_SAME_EXAMPLES")),
)
settings.load_profile("any machine")
# A shell ignores Ctrl-C for what it starts in the background, and so would all that the tests start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
