"""A real arm may move only for the controllers it was armed for; the simulator's always."""

from __future__ import annotations

from aassl_ros.motion.arming import Arming, Controller

DRIVER = frozenset({Controller("/driver", b"1")})
RESTARTED = frozenset({Controller("/driver", b"2")})
SIMULATOR = frozenset({Controller("/simulator", b"3", simulated=True)})


def real() -> Arming:
    return Arming(trust_simulator=False, at_start=False)


def test_nothing_may_move_before_it_is_armed_nor_after_it_is_disarmed():
    arming = real()
    assert not arming.allows(DRIVER)
    arming.arm(DRIVER)
    assert arming.allows(DRIVER)
    assert arming.disarm()
    assert not arming.allows(DRIVER)
    assert not arming.disarm()


def test_it_is_armed_for_no_other_controllers():
    arming = real()
    arming.arm(DRIVER)
    for others, change in (
        (RESTARTED, "/driver was started anew"),
        (DRIVER | SIMULATOR, "/simulator now listens"),
        (frozenset(), "/driver listens no more"),
        (SIMULATOR, "/simulator now listens and /driver listens no more"),
    ):
        assert not arming.allows(others)
        assert arming.change(others) == change


def test_the_simulator_needs_no_arming_unless_somebody_else_listens_too():
    arming = Arming(trust_simulator=True, at_start=False)
    assert arming.allows(SIMULATOR)
    assert not arming.allows(SIMULATOR | DRIVER)
    assert arming.change(SIMULATOR | DRIVER) == "/driver now listens"
    assert not real().allows(SIMULATOR)


def test_arming_in_advance_is_used_up_once():
    arming = Arming(trust_simulator=False, at_start=True)
    assert not arming.allows(DRIVER)
    assert arming.arm_at_start(DRIVER)
    assert arming.allows(DRIVER)
    arming.disarm()
    assert not arming.arm_at_start(DRIVER)
    assert not arming.allows(DRIVER)
