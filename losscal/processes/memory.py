"""Memory that is freed, given back to the system."""

import ctypes
import sys


def give_back_freed_memory() -> None:
    """After what took much: glibc keeps freed memory for what is asked for next, hundreds of MiB of it."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)
