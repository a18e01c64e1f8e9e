"""While models are learnt, linear algebra works on one thread, also that of libraries loaded within."""

from __future__ import annotations

import subprocess
import sys

from threadpoolctl import threadpool_info, threadpool_limits

from footfall.tabular import one_thread

ASK = """
import numpy
from threadpoolctl import threadpool_info
from footfall.tabular import one_thread
with one_thread():
    from sklearn.linear_model import LogisticRegression
    print([p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"])
"""


def blas() -> list[int]:
    return [p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"]


def test_blas_works_on_one_thread_and_then_as_before() -> None:
    with threadpool_limits(limits=2, user_api="blas"), one_thread():
        assert blas() and set(blas()) == {1}
    with threadpool_limits(limits=2, user_api="blas"):
        before = blas()

        @one_thread()
        def work() -> list[int]:
            with one_thread():
                pass
            return blas()

        assert set(work()) == set(work()) == {1}, "also after an inner one has ended"
        assert blas() == before


def test_what_is_loaded_meanwhile_does_not_escape() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, check=True)
    counts = eval(done.stdout)
    assert counts and set(counts) == {1}, counts
