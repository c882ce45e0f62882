"""Work on the parts of a batch, each part by a single thread of its own.

torch spreads every single operation over its threads. Where operations are many and small, as in augmentation, waking
the threads for each costs more than they save; one thread a part pays that once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from threading import Barrier

import torch


def in_parts(work: Callable[[slice], object], count: int) -> None:
    """Call `work` with slices that together cover 0 to `count`, at once on as many threads as torch may use here.

    What a call raises is raised here.
    """
    threads = min(torch.get_num_threads(), count)
    if threads <= 1:
        work(slice(0, count))
        return
    borders = [count * part // threads for part in range(threads + 1)]
    parts = [slice(start, stop) for start, stop in pairwise(borders)]
    for done in [_pool(threads).submit(work, part) for part in parts]:
        done.result()


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads within which torch uses no further ones."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "aassl-part", initializer=_stay_alone)
    all_begun = Barrier(threads)
    for begun in [pool.submit(all_begun.wait) for _ in range(threads)]:
        begun.result()
    torch.set_num_threads(before)  # what the parts' threads set would hold for threads yet to begin, too
    return pool


def _stay_alone() -> None:
    torch.get_num_threads()  # torch's first look in a thread would undo what was set before it
    torch.set_num_threads(1)
