"""In what PyTorch multiplies: 16-bit floats where oneDNN has fast ones, which takes AVX-512.

Elsewhere they take forty times as long as 32-bit ones.
"""

from __future__ import annotations

import contextlib
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


def shortest() -> Any:
    """Return the shortest type of numbers that is multiplied fast here."""
    fast = torch.cpu.get_capabilities().get("avx512_bw", False)
    return torch.bfloat16 if fast else torch.float32


def shortened() -> Any:
    """Return a context in which matrices are multiplied in those numbers."""
    enabled = shortest() is torch.bfloat16
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled)


def lengthened() -> Any:
    """Return a context in which nothing is made of 16-bit floats where they are slow.

    PyTorch's Muon makes its matrices short, wherever it runs.
    """
    return contextlib.nullcontext() if shortest() is torch.bfloat16 else _Lengthened()


class _Lengthened(TorchFunctionMode):  # type: ignore[misc]
    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Copy, as it would have been a copy, too."""
        if func is torch.Tensor.bfloat16:
            return args[0].clone()
        return func(*args, **(kwargs or {}))
