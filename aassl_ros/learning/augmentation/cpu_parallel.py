"""Work on the parts of a batch in parallel, one thread a part.

torch distributes every single operation over its threads. If operations are many and small, as in augmentation, waking
the threads for each costs more time than they save. One thread per part has that cost only once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from threading import Barrier

import torch


def in_parts(work: Callable[[slice], object], count: int) -> None:
    """Call `work` with slices that together cover 0 to `count`, in parallel on as many threads as torch may use.

    An exception of a call is raised here.
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
    """Make threads in which torch runs on a single thread."""
    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "aassl-part", initializer=_stay_alone)
    all_begun = Barrier(threads)
    for begun in [pool.submit(all_begun.wait) for _ in range(threads)]:
        begun.result()
    torch.set_num_threads(before)  # the setting of these threads would also apply to threads that start later
    return pool


def _stay_alone() -> None:
    torch.get_num_threads()  # torch's first call in a thread would otherwise undo the setting
    torch.set_num_threads(1)
