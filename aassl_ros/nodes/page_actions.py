"""What the page's buttons do: commands to the evaluator's gallery, and services of recorder and explorer."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from aassl_ros.data.interfaces import topics
from aassl_ros.data.interfaces.json_records import GalleryCommand, GalleryNews
from aassl_ros.page.requests import HALT, SPLIT, START, STOP, TRIGGER, Action
from aassl_ros.ros.gallery_caller import LESSONS_S

_ANSWER_S = 10.0
# The recorder waits for the last joint states and writes what is in its queue before it answers.
_SERVICE_S = 60.0
# Nodes that started a moment ago are found within this time.
_DISCOVERY_S = 2.0
_ENDS = "the page node stops"
_CHANGE, _STATE = "recorder/change_state", "recorder/get_state"

Answer = Callable[[bool, str], None]


@dataclass
class _Waiting:
    """A request that is not answered yet.

    wait_s: how long it may take; late: what to say then. lesson: whether the evaluator does it, one after the other.
    """

    answer: Answer
    wait_s: float
    late: str
    forget: Callable[[], None]
    lesson: bool = False
    since_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True)
class _Undiscovered:
    """A request to a node that is not found yet. act: does it; missing: what to say if it is not found."""

    is_there: Callable[[], bool]
    act: Callable[[], None]
    answer: Answer
    missing: str
    until_s: float


class PageActions:
    """Send the actions of browsers to the robot, and answer each one exactly once, at the latest when it is overdue.

    All methods are called in the node's thread.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._waiting: dict[str, _Waiting] = {}
        self._undiscovered: list[_Undiscovered] = []
        self._publisher = Node.create_publisher(node, String, topics.GALLERY_COMMAND, 20)
        self._clients: dict[str, Any] = {
            name: node.create_client(kind, name)
            for name, kind in (
                *((name, Trigger) for name in (SPLIT, TRIGGER, HALT)),
                (_CHANGE, ChangeState),
                (_STATE, GetState),
            )
        }

    def stop(self) -> None:
        """Answer what is waiting, and remove the clients."""
        for request in self._undiscovered:
            request.answer(False, _ENDS)
        self._undiscovered = []
        for key in list(self._waiting):
            self._finish(key, False, _ENDS)
        for client in self._clients.values():
            self._node.destroy_client(client)
        self._node.destroy_publisher(self._publisher)

    def take(self, action: Action, answer: Answer) -> None:
        """Do an action; `answer` is called with whether it was done, and a line."""
        if action.gallery is not None:
            self._command(action.gallery, answer)
        elif action.name == START:
            self._start(answer)
        elif action.name == STOP:
            self._change(Transition.TRANSITION_DEACTIVATE, "recording has stopped", answer)
        else:
            self._call(action.name, Trigger.Request(), lambda told: answer(told.success, told.message), answer)

    def hear(self, news: GalleryNews) -> None:
        """Take what the evaluator says about its gallery: the answer to a command has the command's key."""
        for waiting in self._waiting.values():
            if waiting.lesson:  # the evaluator works on those before it
                waiting.since_s = time.monotonic()
        if isinstance(news.request, str) and news.waiting and (waits := self._waiting.get(news.request)):
            waits.wait_s = max(waits.wait_s, LESSONS_S)
            waits.late = f"the evaluator was busy with lessons for {LESSONS_S:g} s; it will still do this"
        if isinstance(news.request, str) and (news.done or news.error):
            self._finish(news.request, not news.error, news.error or news.done)

    def tick(self) -> None:
        """Do what waits for a node that is found now, and answer what is overdue. Call it regularly."""
        now_s = time.monotonic()
        requests, self._undiscovered = self._undiscovered, []
        for request in requests:
            if request.is_there():
                request.act()
            elif now_s > request.until_s:
                request.answer(False, request.missing)
            else:
                self._undiscovered.append(request)
        for key, waiting in list(self._waiting.items()):
            if now_s > waiting.since_s + waiting.wait_s:
                self._finish(key, False, waiting.late)

    def _once(self, is_there: Callable[[], bool], act: Callable[[], None], answer: Answer, missing: str) -> None:
        """Act now if the other node is there, else as soon as it is found."""
        if is_there():
            act()
        else:
            until_s = time.monotonic() + _DISCOVERY_S
            self._undiscovered.append(_Undiscovered(is_there, act, answer, missing, until_s))

    def _command(self, command: GalleryCommand, answer: Answer) -> None:
        def is_there() -> bool:
            return self._publisher.get_subscription_count() > 0

        missing = "no evaluator is running that can be taught"
        self._once(is_there, lambda: self._send(command, answer), answer, missing)

    def _send(self, command: GalleryCommand, answer: Answer) -> None:
        key = str(uuid.uuid4())
        seconds = _ANSWER_S + (command.seconds if command.command == "teach" else 0.0)
        late = f"the evaluator did not answer within {seconds:g} s"
        self._waiting[key] = _Waiting(answer, seconds, late, lambda: None, lesson=True)
        self._publisher.publish(String(data=replace(command, request=key).to_json()))

    def _start(self, answer: Answer) -> None:
        """Bring the recorder to the state active, from whatever state it is in."""

        def go_on(told: GetState.Response) -> None:
            state = told.current_state
            if state.id == State.PRIMARY_STATE_UNCONFIGURED:
                configure = Transition.TRANSITION_CONFIGURE
                self._change(configure, "", answer, then=lambda: self._start(answer))
            elif state.id == State.PRIMARY_STATE_INACTIVE:
                self._change(Transition.TRANSITION_ACTIVATE, "recording has started", answer)
            elif state.id == State.PRIMARY_STATE_ACTIVE:  # recording, or waiting for a reason to record
                self._call(TRIGGER, Trigger.Request(), lambda told: answer(told.success, told.message), answer)
            else:
                answer(False, f"the recorder is {state.label}")

        self._call(_STATE, GetState.Request(), go_on, answer)

    def _change(self, transition: int, done: str, answer: Answer, then: Callable[[], None] | None = None) -> None:
        def told(response: ChangeState.Response) -> None:
            if response.success and then is not None:
                then()
            else:
                answer(response.success, done if response.success else "the recorder refused; its log says why")

        self._call(_CHANGE, ChangeState.Request(transition=Transition(id=transition)), told, answer)

    def _call(self, name: str, request: Any, told: Callable[[Any], None], answer: Answer) -> None:
        """Call a service, and `told` with its response. If none comes, `answer` says so."""
        client = self._clients[name]
        missing = f"there is no service {client.service_name}: the {name.split('/')[0]} is not running"
        self._once(client.service_is_ready, lambda: self._request(name, request, told, answer), answer, missing)

    def _request(self, name: str, request: Any, told: Callable[[Any], None], answer: Answer) -> None:
        client, server = self._clients[name], name.split("/")[0]
        key = str(uuid.uuid4())
        future = client.call_async(request)
        self._waiting[key] = _Waiting(
            answer,
            _SERVICE_S,
            f"the {server} did not answer within {_SERVICE_S:g} s",
            lambda: client.remove_pending_request(future),
        )

        def finished(future: Any) -> None:
            if self._waiting.pop(key, None) is None:
                return  # it came too late
            if (error := future.exception()) is not None:
                answer(False, str(error))
            else:
                told(future.result())

        future.add_done_callback(finished)

    def _finish(self, key: str, done: bool, line: str) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting is not None:
            waiting.forget()
            waiting.answer(done, line)
