"""Files of joblib, for users of scikit-learn. READING ONE RUNS WHATEVER CODE IS IN IT: read only your own.

Footfall keeps no model this way by itself. This is the one file that imports joblib; it writes and reads only when the
caller says so in so many words, each time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from footfall.errors import FootfallError, UsageError

RISK = "reading a joblib file runs whatever code is in it, and it breaks when a library moves a class"


def write(what: Any, path: Path) -> None:
    """Write any object. Raises FootfallError when it cannot be written."""
    import joblib

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        joblib.dump(what, path)
    except Exception as error:
        raise FootfallError(f"cannot write '{path}': {error}") from None


def read(path: Path, i_trust_this_file: bool = False) -> Any:
    """What is in a joblib file, whoever made it.

    Raises:
        UsageError: the caller does not say that the file is to be trusted.
        FootfallError: there is no such file, or it cannot be read.
    """
    if not i_trust_this_file:
        raise UsageError(f"{RISK}; if '{path}' is your own, pass i_trust_this_file=True")
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:
        raise FootfallError(f"cannot read '{path}': {error}") from None
