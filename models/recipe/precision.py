"""In what PyTorch multiplies: 16-bit floats where oneDNN has fast ones, which takes AVX-512.

Elsewhere they take forty times as long as 32-bit ones.
"""

from __future__ import annotations

from typing import Any

import torch


def shortest() -> Any:
    """Return the shortest type of numbers that is multiplied fast here."""
    fast = torch.cpu.get_capabilities().get("avx512_bw", False)
    return torch.bfloat16 if fast else torch.float32


def shortened() -> Any:
    """Return a context in which matrices are multiplied in those numbers."""
    enabled = shortest() is torch.bfloat16
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)
