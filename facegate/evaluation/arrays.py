"""Types of the arrays that scores are in."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Codes: TypeAlias = NDArray[np.int32]
"""Numbers for names, from 0 on."""
Counts: TypeAlias = NDArray[np.int64]
Places: TypeAlias = NDArray[np.intp]
Keys: TypeAlias = NDArray[np.uint64]
