"""Linear algebra on one thread: several models are learnt side by side, and no bit hangs on the number of cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def one_thread() -> Iterator[None]:
    """While it lasts, BLAS works on one thread; not for use within worker threads: the limit is the process's.

    BLAS adds the parts of a sum up in another order on another number of threads; and two models learnt at once, each
    on all cores, wait for each other most of the time.
    """
    import scipy.linalg  # noqa: F401  SciPy brings a BLAS of its own: loaded later, it would escape the limit

    with threadpool_limits(limits=1, user_api="blas"):
        yield
