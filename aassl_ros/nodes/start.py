"""What a node's process says if it cannot begin: one line, in place of the trace of a half-done import."""

from __future__ import annotations

import os
import signal
import sys
from types import TracebackType
from typing import Any

from aassl_ros.errors import AasslError

_MODULES = "aassl_ros.nodes."


def guard_start() -> None:
    """Watch over the imports of `python -m aassl_ros.nodes.NAME`; in any other process it does nothing.

    A missing module and a set-up that cannot work are then told in a line, with exit status 1; Ctrl-C says in a line
    that the node had not started, and ends the process by SIGINT. The environment variable AASSL_DEBUG=1 shows the
    trace.
    """
    # While Python imports the packages around the module that -m names, the first argument is "-m".
    if sys.argv[:1] != ["-m"]:
        return
    name = next((word.removeprefix(_MODULES) for word in sys.orig_argv if word.startswith(_MODULES)), "")
    if not name:
        return

    def tell(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        line = _line(error)
        if line is None or os.environ.get("AASSL_DEBUG"):
            sys.__excepthook__(kind, error, trace)
        else:
            print(f"{name}: {line}", file=sys.stderr, flush=True)

    def stop(number: int, frame: Any) -> None:
        print(f"{name}: stopped before it had started.", file=sys.stderr, flush=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    sys.excepthook = tell
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where SIGINT is ignored
        signal.signal(signal.SIGINT, stop)


def _line(error: BaseException) -> str | None:
    """What to say of an error in one line; None for a mistake of ours, which is to be seen whole."""
    if isinstance(error, AasslError):
        return str(error)
    if not isinstance(error, ImportError) or (error.name or "").startswith("aassl_ros"):
        return None
    if isinstance(error, ModuleNotFoundError):
        found = f"the Python module {error.name!r} is not installed"
    else:
        found = f"the Python module {error.name!r} cannot be loaded ({' '.join(str(error).split())})"
    return (
        f"{found} for {sys.executable}. Set up and activate the environment first (make setup, then source "
        ".venv/bin/activate); with a ROS installation, source its setup.bash before both."
    )
