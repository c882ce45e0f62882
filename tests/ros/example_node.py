"""A node for the tests: a lifecycle node that prints its transitions."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from std_msgs.msg import String

from aassl_ros.errors import RosError
from aassl_ros.ros.base import ManagedNode, run
from aassl_ros.ros.diagnostics import OK, DiagnosticsPublisher, Report
from aassl_ros.ros.parameters import read_settings
from aassl_ros.settings import setting


@dataclass(frozen=True)
class ExampleSettings:
    rate_hz: float = setting(30.0, "how often it would, in Hz", minimum=1, maximum=240)
    mode: str = setting("good", "how it behaves", choices=("good", "broken", "mistaken"))
    names: tuple[str, ...] = setting((), "some names")


class ExampleNode(ManagedNode):
    def __init__(self) -> None:
        super().__init__("example")
        self._settings = self.declare(ExampleSettings, at_once=("rate_hz",), apply=self._apply)
        self._diagnostics = DiagnosticsPublisher(self, self._report, period_s=0.1)

    def configure(self) -> None:
        self._settings = read_settings(self, ExampleSettings)
        if self._settings.mode == "broken":
            raise RosError("the mode is broken. Take mode:=good.")

    def _apply(self, settings: ExampleSettings) -> None:
        self._settings = settings
        print("rate", settings.rate_hz, flush=True)

    def activate(self) -> None:
        if self._settings.mode == "mistaken":
            raise ZeroDivisionError("a mistake of ours")
        print("active", self._settings.rate_hz, ",".join(self._settings.names), flush=True)
        self.create_subscription(String, "word", lambda message: print("received", message.data, flush=True), 10)

    def settle_s(self) -> float:
        return 0.3

    def deactivate(self) -> None:
        print("deactivated", flush=True)

    def cleanup(self) -> None:
        print("cleaned up", flush=True)

    def _report(self) -> Report:
        return Report(OK, "fine", {"rate_hz": self._settings.rate_hz})


if __name__ == "__main__":
    sys.exit(run(ExampleNode))
