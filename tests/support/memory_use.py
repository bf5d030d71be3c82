"""Memory that is really used, for tests of what watches it."""

import mmap

_PIECE = b"x" * 2**16


def mapped(size: int) -> mmap.mmap:
    """That many resident bytes, given back to the system as soon as it is closed or dropped."""
    memory = mmap.mmap(-1, size)
    # In small pieces, which leave nothing behind in the heap.
    for _ in range(0, size, len(_PIECE)):
        memory.write(_PIECE)
    return memory


def fragment(megabytes: int) -> bytes:
    """Leave that much free inside the heap, held there by the block that is returned."""
    blocks = [b"x" * 100_000 for _ in range(megabytes * 10)]
    top = b"y" * 100_000
    blocks.clear()
    return top
