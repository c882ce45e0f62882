"""Report an error during the imports of a node's process in one line, without a traceback."""

from __future__ import annotations

import os
import signal
import sys
from types import TracebackType
from typing import Any

from aassl_ros.errors import AasslError

_MODULES = "aassl_ros.nodes."


def guard_start() -> None:
    """Install handlers for errors and Ctrl-C during the imports of `python -m aassl_ros.nodes.NAME`.

    A missing module or a wrong environment is then reported in one line, with exit status 1. Ctrl-C is reported in one
    line, and the process ends with SIGINT. The environment variable AASSL_DEBUG=1 shows the traceback. In any other
    process, this function does nothing.
    """
    # While Python imports the parent packages of the module given with -m, the first argument is "-m".
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
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not if SIGINT is ignored
        signal.signal(signal.SIGINT, stop)


def _line(error: BaseException) -> str | None:
    """Return the message of an error in one line; None for a bug of ours, which needs the traceback."""
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
