"""Settings of this process that make a CPU run cheap. Called by commands, before torch if it can.

Each was measured on 2 cores with AMX, forward and backward of the embedded base
(docs/decisions/002-training-loop.md).
"""

import ctypes
import os
import sys

SPINS = "0"
"""Rounds an idle OpenMP thread waits awake. GNU's default of hundreds of thousands counts as CPU
time: with neighbours on the machine the same step took up to ten times as much. Alone on the
machine, sleeping at once costs a fifth of the wall time and no CPU time."""

PRIMITIVES = "64"
"""Compiled products that oneDNN keeps, one for each shape; 1,024 by default. Samples differ in
length, so there is always a new shape, and the kept ones took half a gigabyte."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Names of malloc.h. By default every activation is returned to the kernel and faulted in anew."""

KEEP_BELOW = 1 << 30


def prepare_processor() -> None:
    """Tame idle threads and keep freed memory; does nothing where the platform has no such knob."""
    if "torch" not in sys.modules:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
        os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", PRIMITIVES)
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(M_MMAP_THRESHOLD, KEEP_BELOW)
            mallopt(M_TRIM_THRESHOLD, KEEP_BELOW)
