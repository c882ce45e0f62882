"""Notes how much of the pictures the centre square cuts away."""

from __future__ import annotations

from collections.abc import Mapping

_MOST_CUT = 0.25  # 4:3 loses a quarter, which is usual for cameras


def crop_note(sizes: Mapping[tuple[int, ...], int]) -> tuple[str, ...]:
    """One line if the centre square loses much of the pictures.

    Args:
        sizes: how many pictures have which height and width, pixels.

    Returns:
        The note if the median of the part that is cut off the longer side is above 25 %; else none.
    """
    cuts = sorted((1 - min(size) / max(size), size) for size, count in sizes.items() for _ in range(count))
    if not cuts or cuts[len(cuts) // 2][0] <= _MOST_CUT:
        return ()
    cut, (height, width) = cuts[len(cuts) // 2]
    return (
        f"the centre square cuts {cut:.0%} off the longer side of the pictures (median; {width} x {height} pixels): "
        "crop them to the object before if it is not in the middle",
    )
