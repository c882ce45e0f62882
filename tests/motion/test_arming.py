"""A real arm may move only for the controllers that it was armed for. The simulator's arm always may."""

from __future__ import annotations

from aassl_ros.motion.arming import Arming, Controller

DRIVER = frozenset({Controller("/driver", b"1")})
RESTARTED = frozenset({Controller("/driver", b"2")})
SIMULATOR = frozenset({Controller("/simulator", b"3", simulated=True)})


def real() -> Arming:
    return Arming(trust_simulator=False, at_start=False)


def test_an_arm_may_not_move_before_arming_or_after_disarming():
    arming = real()
    assert not arming.allows(DRIVER)
    arming.arm(DRIVER)
    assert arming.allows(DRIVER)
    assert arming.disarm()
    assert not arming.allows(DRIVER)
    assert not arming.disarm()


def test_an_arm_is_armed_only_for_the_controllers_of_that_time():
    arming = real()
    arming.arm(DRIVER)
    for others, change in (
        (RESTARTED, "/driver was restarted"),
        (DRIVER | SIMULATOR, "/simulator now listens"),
        (frozenset(), "/driver no longer listens"),
        (SIMULATOR, "/simulator now listens and /driver no longer listens"),
    ):
        assert not arming.allows(others)
        assert arming.change(others) == change


def test_the_simulator_needs_no_arming_unless_another_controller_listens():
    arming = Arming(trust_simulator=True, at_start=False)
    assert arming.allows(SIMULATOR)
    assert not arming.allows(SIMULATOR | DRIVER)
    assert arming.change(SIMULATOR | DRIVER) == "/driver now listens"
    assert not real().allows(SIMULATOR)


def test_arming_at_start_happens_once():
    arming = Arming(trust_simulator=False, at_start=True)
    assert not arming.allows(DRIVER)
    assert arming.arm_at_start(DRIVER)
    assert arming.allows(DRIVER)
    arming.disarm()
    assert not arming.arm_at_start(DRIVER)
    assert not arming.allows(DRIVER)
