"""Real data for tests and benchmarks, where it is present.

The folder is `shared/data` beside the checkout, or the one `FOOTFALL_DATA` names. A user's clone has neither.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_ROOT = Path(os.environ.get("FOOTFALL_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def data_path(name: str) -> Path:
    """The folder or file `name` of the real data; skips the test, saying why, where it is absent."""
    path = _ROOT / name
    if not path.exists():
        pytest.skip(f"real data '{name}' is not here; set FOOTFALL_DATA to the folder that holds it")
    return path
