"""Failures for want of memory, told apart from others without importing torch."""

from __future__ import annotations


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory was what failed; torch's CPU allocator has no type of its own for it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )
