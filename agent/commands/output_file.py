"""An output file that is written completely or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from agent.commands.command_line import EXIT_USAGE, CommandError


def check_writable(target: Path) -> None:
    """Check before the work that the file can be written; raises CommandError."""
    folder = target.parent
    if target.is_dir():
        raise CommandError(f"{target} is a folder: name a file", status=EXIT_USAGE)
    if not folder.is_dir():
        raise CommandError(f"the folder {folder} does not exist", status=EXIT_USAGE)
    place = target if target.exists() else folder
    if not os.access(place, os.W_OK):
        raise CommandError(f"{place} is not yours to write to", status=EXIT_USAGE)


@contextmanager
def output_file(target: Path) -> Iterator[BinaryIO]:
    """Open a file whose content becomes `target` when the block ends without an error.

    Raises CommandError when the disk does not take it.
    """
    # A device or a pipe has to stay what it is.
    direct = target.exists() and not target.is_file()
    real = target.resolve()
    unfinished = real if direct else real.with_name(f".{real.name}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
        if not direct:
            unfinished.replace(real)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error.strerror}") from error
    finally:
        if not direct:
            unfinished.unlink(missing_ok=True)
