"""Sentence embeddings of texts by a model that lies on this machine; nothing is ever downloaded.

Wants the library sentence-transformers, and a folder that holds one of its models.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from footfall.errors import FootfallError

BATCH = 64


def embed(texts: Sequence[str], folder: str) -> NDArray[np.float64]:
    """(n, width) what the model in `folder` makes of each text, of length one.

    Raises FootfallError where the folder or the library is not there.
    """
    if not Path(folder).is_dir():
        raise FootfallError(f"there is no sentence model in '{folder}'; name the folder of one, or leave it out")
    model = _loaded(folder)
    found = model.encode(list(texts), batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(found, dtype=np.float64).reshape(len(texts), -1)


@lru_cache(maxsize=1)
def _loaded(folder: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError:
        raise FootfallError(
            "sentence embeddings want the library sentence-transformers; install it, or leave the model out"
        ) from None
    return SentenceTransformer(folder, device="cpu", local_files_only=True)
