"""Fitted estimators of scikit-learn's kind as files that run no code when they are read (extra `skops`)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from footfall.errors import UsageError

HERE = find_spec("skops") is not None


def write(estimator: Any, path: Path) -> None:
    """Raises UsageError when the library is not installed, or knows no way to keep what the estimator holds."""
    try:
        _io().dump(estimator, path)
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"skops cannot keep this {type(estimator).__name__}: {error}") from None


def untrusted(path: Path) -> list[str]:
    """The classes in a file that its reader must trust by name."""
    return [str(t) for t in _io().get_untrusted_types(file=path)]


def untrusted_of(estimator: Any) -> list[str]:
    """The classes that `write` would keep and a reader must trust by name; none where it cannot be kept."""
    if not HERE:
        return []
    try:
        return [str(t) for t in _io().get_untrusted_types(data=_io().dumps(estimator))]
    except Exception:
        return []


def read(path: Path, trusted: list[str]) -> Any:
    """What `write` wrote. Raises UsageError when the library is not installed."""
    return _io().load(path, trusted=trusted)


def _io() -> Any:
    if not HERE:
        raise UsageError("keeping an estimator of scikit-learn's needs skops; pip install 'footfall[skops]'")
    import skops.io

    return skops.io
