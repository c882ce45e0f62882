from __future__ import annotations

import threading

import numpy as np
import pytest
from buffer_writing import told_frame, told_numbers
from hypothesis import given, settings
from hypothesis import strategies as st

from aassl_ros.data.pairs.actions import ActionSpace
from aassl_ros.data.pairs.window import Window
from aassl_ros.data.replay.buffer import RawPairs, ReplayBuffer
from aassl_ros.errors import DataError

SIZE = 4
MS = 1_000_000


def picture(number: int) -> np.ndarray:
    """A picture that says its number."""
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    frame.reshape(-1)[:4] = np.frombuffer(np.uint32(number).tobytes(), np.uint8)
    return frame


def numbers(frames: np.ndarray) -> np.ndarray:
    return frames.reshape(len(frames), -1)[:, :4].copy().view(np.uint32)[:, 0].astype(int)


def fill(buffer: ReplayBuffer, episodes: list[str], start: int = 0) -> None:
    """Frames 33 ms apart, one for each name of an episode; joint `a` stands at the frame's number."""
    for number, episode in enumerate(episodes, start=start):
        buffer.append(picture(number), 5 + number * 33 * MS, episode, joint_position=[number])


def draw(buffer: ReplayBuffer, window: Window, draws: int = 60, batch: int = 2) -> set[tuple[int, int]]:
    rng = np.random.default_rng(0)
    batches = [buffer.sample(batch, window, None, rng) for _ in range(draws)]
    return {pair for found in batches for pair in zip(numbers(found.first), numbers(found.second), strict=True)}


def naive_pairs(episodes: list[str], capacity: int, window: Window) -> set[tuple[int, int]]:
    """All pairs that may be drawn, by going through them one by one."""
    held = range(max(0, len(episodes) - capacity), len(episodes))
    found = set()
    for first in held:
        for second in held:
            between = episodes[min(first, second) : max(first, second) + 1]
            distance = abs(second - first) * (0.033 if window.unit == "seconds" else 1)
            near = window.unit == "episode" or window.minimum <= distance <= window.maximum
            if first != second and set(between) == {episodes[first]} and near:
                found.add((first, second))
    return found


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
    st.integers(2, 12),
    st.sampled_from([Window(), Window("frames", 1, 2), Window("seconds", 0.05, 0.1)]),
)
@settings(max_examples=40)
def test_pairs_are_those_of_a_search_over_all_frames(lengths: list[int], capacity: int, window: Window) -> None:
    episodes = [str(index) for index, length in enumerate(lengths) for _ in range(length)]
    buffer = ReplayBuffer(capacity, SIZE, ["a"])
    fill(buffer, episodes)

    expected = naive_pairs(episodes, capacity, window)
    if not expected:
        with pytest.raises(DataError, match="only 0 of"):
            buffer.sample(1, window, None, np.random.default_rng(0))
        return
    assert draw(buffer, window, draws=600, batch=1) == expected


def test_the_oldest_frames_are_overwritten_and_never_drawn_again() -> None:
    buffer = ReplayBuffer(6, SIZE, ["a"])
    fill(buffer, ["one"] * 5 + ["two"] * 4)

    assert len(buffer) == 6
    assert {number for pair in draw(buffer, Window()) for number in pair} == {3, 4, 5, 6, 7, 8}


def test_a_discarded_episode_is_not_drawn() -> None:
    buffer = ReplayBuffer(20, SIZE, ["a"])
    fill(buffer, ["one"] * 4 + ["two"] * 4)

    buffer.discard("one")
    buffer.discard("never heard of")

    assert {number for pair in draw(buffer, Window()) for number in pair} == {4, 5, 6, 7}


def test_episodes_count_as_long_as_frames_of_them_are_held() -> None:
    buffer = ReplayBuffer(6, SIZE, ["a"])
    fill(buffer, ["one"] * 3 + ["two"] * 3)
    assert buffer.episode_count == 2
    fill(buffer, ["three"] * 2, start=6)
    assert buffer.episode_count == 3  # one frame of "one" is left
    fill(buffer, ["three"], start=8)
    assert buffer.episode_count == 2
    buffer.discard("two")
    assert buffer.episode_count == 1
    fill(buffer, ["three"] * 20, start=9)
    assert buffer.episode_count == 1


def test_the_table_of_episodes_does_not_grow_with_what_was_ever_seen() -> None:
    buffer = ReplayBuffer(4, SIZE, ["a"])
    fill(buffer, [str(number // 2) for number in range(1000)])
    for name in ("499", "never heard of"):
        buffer.discard(name)
    tables = [value for value in vars(buffer._episodes).values() if isinstance(value, dict)]
    assert len(tables) == 3
    assert max(map(len, tables)) <= 4


def test_a_discarded_episode_that_comes_again_is_another_stretch() -> None:
    buffer = ReplayBuffer(20, SIZE, ["a"])
    fill(buffer, ["one"] * 3)
    buffer.discard("one")
    fill(buffer, ["one"] * 3, start=3)
    assert buffer.episode_count == 1
    assert {number for pair in draw(buffer, Window()) for number in pair} == {3, 4, 5}


@given(st.lists(st.sampled_from("abcd"), max_size=40), st.integers(2, 8), st.sampled_from("abcd"))
@settings(max_examples=40)
def test_the_count_is_that_of_the_frames_held_one_by_one(names: list[str], capacity: int, discarded: str) -> None:
    buffer = ReplayBuffer(capacity, SIZE, ["a"])
    half = len(names) // 2
    fill(buffer, names[:half])
    buffer.discard(discarded)
    fill(buffer, names[half:], start=half)
    kept = [name if number >= half or name != discarded else None for number, name in enumerate(names)]
    assert buffer.episode_count == len(set(kept[-capacity:]) - {None})


def test_an_interrupted_episode_counts_as_two_episodes() -> None:
    buffer = ReplayBuffer(20, SIZE, ["a"])
    fill(buffer, ["one"] * 2 + ["two"] * 2 + ["one"] * 2)

    assert draw(buffer, Window()) == {(0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4)}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=60), st.integers(2, 20))
@settings(max_examples=40)
def test_episodes_of_several_robots_interleave(events: list[tuple[str, bool]], capacity: int) -> None:
    buffer = ReplayBuffer(capacity, SIZE, ["a"])
    window, episode, keys = Window("frames", 1, 2), {"a": 0, "b": 0}, []
    for number, (robot, starts_new) in enumerate(events):
        episode[robot] += starts_new
        keys.append((robot, episode[robot]))
        buffer.append(picture(number), 5 + number, episode[robot], joint_position=[number], robot=robot)
    expected = set()
    for robot in "ab":  # the pairs of each robot are those that it would have alone
        own = [number for number in range(max(0, len(keys) - capacity), len(keys)) if keys[number][0] == robot]
        for place, first in enumerate(own):
            near = [own[p] for p in range(place - 2, place + 3) if 0 <= p < len(own) and p != place]
            expected |= {(first, second) for second in near if keys[first] == keys[second]}
    assert buffer.episode_count == len(set(keys[-capacity:]))
    if expected:
        assert draw(buffer, window, draws=800, batch=1) == expected


def test_what_is_said_of_a_robot_concerns_its_own_frames() -> None:
    buffer = ReplayBuffer(20, SIZE, ["a"])
    for number in range(10):
        robot = "left" if number % 2 else "right"
        buffer.append(picture(number), number // 2, "one", robot=robot, instance=f"mug_{robot}", category="mug")
    buffer.set_object_pose(3, np.arange(7), robot="left")
    assert np.flatnonzero(np.isfinite(buffer.object_pose[:10, 0])).tolist() == [7]
    buffer.discard("one", robot="right")
    assert {number for pair in draw(buffer, Window()) for number in pair} == {1, 3, 5, 7, 9}
    (entry,) = buffer.episodes.values()
    assert (entry.robot, entry.id, entry.instance, entry.category) == ("left", "one", "mug_left", "mug")
    assert buffer.instances == {"mug_left", "mug_right"}
    assert buffer.robots == ("right", "left")


def test_a_robot_that_was_silent_until_its_frames_were_given_up_begins_again() -> None:
    buffer = ReplayBuffer(4, SIZE, ["a"])
    buffer.append(picture(0), 0, "one", robot="left")
    for number in range(1, 6):
        buffer.append(picture(number), number, "two", robot="right")
    for number in (6, 7):
        buffer.append(picture(number), number, "one", robot="left")
    assert draw(buffer, Window()) == {(4, 5), (5, 4), (6, 7), (7, 6)}
    assert buffer.episode_count == 2


def test_actions_belong_to_their_pairs() -> None:
    buffer = ReplayBuffer(64, SIZE, ["a"])
    fill(buffer, ["one"] * 50 + ["two"] * 50)

    batch = buffer.sample(32, Window(), ActionSpace("joints"), np.random.default_rng(0))

    np.testing.assert_array_equal(batch.actions[:, 0], numbers(batch.second) - numbers(batch.first))
    assert len(set(numbers(batch.first))) == 32


def test_frames_whose_action_is_unknown_are_not_drawn() -> None:
    buffer = ReplayBuffer(20, SIZE, ["a"], ["a"])
    for number in range(10):
        command = [float(number)] if number >= 5 else None
        buffer.append(picture(number), number * MS, "one", joint_command=command)

    batch = buffer.sample(4, Window(), ActionSpace("commands"), np.random.default_rng(0))
    actions = buffer.actions(500, Window(), ActionSpace("commands"), np.random.default_rng(0))

    assert set(numbers(batch.first)) | set(numbers(batch.second)) <= {5, 6, 7, 8, 9}
    assert np.isfinite(actions).all()
    assert set(actions[:, 0].astype(int)) == {-4, -3, -2, -1, 1, 2, 3, 4}


def test_a_window_in_degrees_uses_the_rotation_of_the_object() -> None:
    buffer = ReplayBuffer(40, SIZE, [])
    for number in range(40):
        half = np.radians(5 * number) / 2
        buffer.append(picture(number), number * MS, "one", object_pose=[0, 0, 1, 0, 0, np.sin(half), np.cos(half)])

    batch = buffer.sample(16, Window("degrees", 9.9, 10.1), None, np.random.default_rng(0))

    np.testing.assert_array_equal(np.abs(numbers(batch.second) - numbers(batch.first)), 2)


def test_one_thread_appends_while_another_draws() -> None:
    buffer = ReplayBuffer(200, SIZE, ["a"])
    fill(buffer, ["0"] * 100)
    drawn: list[RawPairs] = []
    stop = threading.Event()

    def learn() -> None:
        rng = np.random.default_rng(0)
        while not stop.is_set():
            drawn.append(buffer.sample(16, Window("frames", 1, 3), ActionSpace("joints"), rng))

    learner = threading.Thread(target=learn)
    learner.start()
    fill(buffer, [str(number // 50) for number in range(100, 3000)], start=100)
    stop.set()
    learner.join()

    assert drawn
    for batch in drawn:
        first, second = numbers(batch.first), numbers(batch.second)
        assert (np.abs(first - second) <= 3).all()
        np.testing.assert_array_equal(batch.actions[:, 0], second - first)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda buffer: buffer.append(np.zeros((3, 3, 3), np.uint8), 0, "one"), "frame is uint8"),
        (lambda buffer: fill(buffer, ["one"]) or fill(buffer, ["one"]), "is not newer than 5"),
        (lambda buffer: buffer.sample(2, Window(), None, np.random.default_rng(0)), "only 0 of 0 frames"),
        (lambda buffer: ReplayBuffer(1, SIZE, []), "needs at least 2"),
    ],
)
def test_what_does_not_fit_is_named(act: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        act(ReplayBuffer(10, SIZE, ["a"]))  # type: ignore[operator]


def told(buffer: ReplayBuffer) -> list[int]:
    return sorted(numbers(buffer.frames[np.flatnonzero(buffer.serial > 0)]).tolist())


def test_a_reservoir_is_uniform_over_all_frames_that_ever_came() -> None:
    counts, runs, life, capacity = np.zeros(600), 100, 600, 120
    episodes = [str(number // 23) for number in range(life)]
    for seed in range(runs):
        buffer = ReplayBuffer(capacity, SIZE, ["a"], keep="reservoir", stretch_frames=6, seed=seed)
        fill(buffer, episodes)
        held = told(buffer)
        assert capacity - 6 <= len(held) == len(buffer) <= capacity
        counts[held] += 1
    # Stretches of 6, 6, 6 and 5 frames, each there or not: 104 draws with the same probability.
    shares = counts[[first + offset for first in range(0, 598, 23) for offset in (0, 6, 12, 18)]] / runs
    expected = shares.mean()
    assert 0.17 < expected < 0.21
    chi_squared = runs * ((shares - expected) ** 2).sum() / (expected * (1 - expected))
    assert chi_squared < 104 + 4 * np.sqrt(2 * 104)
    oldest, newest = shares[:26].mean(), shares[-26:].mean()
    assert abs(oldest - newest) < 4 * np.sqrt(2 * expected * (1 - expected) / (26 * runs))


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(1, 12)), min_size=1, max_size=25),
    st.integers(16, 40),
    st.integers(0, 5),
)
@settings(max_examples=15)
def test_pairs_of_a_reservoir_lie_within_stretches_that_are_held(
    visits: list[tuple[str, int]], capacity: int, seed: int
) -> None:
    buffer = ReplayBuffer(capacity, SIZE, ["a"], keep="reservoir", stretch_frames=4, seed=seed)
    episode_of, number = [], 0
    for visit, (robot, length) in enumerate(visits):
        for _ in range(length):
            kept = buffer.append(picture(number), 1 + number, visit, joint_position=[number], robot=robot)
            assert isinstance(kept, bool)
            episode_of.append(visit)
            number += 1
    held = set(told(buffer))
    assert len(held) == len(buffer) <= capacity
    assert buffer.episode_count == len({episode_of[each] for each in held})
    limit = buffer._retention.stretch_frames
    stretch = {each: (episode_of[each], (each - episode_of.index(episode_of[each])) // limit) for each in held}
    expected = {
        (first, second) for first in held for second in held if first != second and stretch[first] == stretch[second]
    }
    found = draw(buffer, Window(), draws=80, batch=1) if expected else set()
    assert found <= expected
    assert {first for first, _ in found} == {first for first, _ in expected} or len(expected) > 12


def test_pairs_are_whole_and_of_one_episode_while_the_ring_is_overwritten() -> None:
    buffer = ReplayBuffer(64, 32, ["a"])
    stop, appended = threading.Event(), [0]

    def append(count: int) -> None:
        for number in range(appended[0], appended[0] + count):
            buffer.append(told_frame(number, number // 12), number, number // 12, [number])
        appended[0] += count

    def append_until_stopped() -> None:
        while not stop.is_set():
            append(20)

    append(64)
    writer = threading.Thread(target=append_until_stopped)
    writer.start()
    rng = np.random.default_rng(0)
    try:
        for _ in range(60):
            pairs = buffer.sample(16, Window("frames", 1, 3), ActionSpace("joints"), rng)
            first, second = told_numbers(pairs.first), told_numbers(pairs.second)
            np.testing.assert_array_equal(first[:, 1], second[:, 1])
            np.testing.assert_array_equal(pairs.actions[:, 0], second[:, 0] - first[:, 0])
    finally:
        stop.set()
        writer.join()
    assert appended[0] > 10 * 64
