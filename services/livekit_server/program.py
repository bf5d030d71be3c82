"""The `livekit-server` program."""

import shutil
import sys
from pathlib import Path

PROGRAM = "livekit-server"


class LiveKitServerError(Exception):
    """The server cannot be started; the text says why and what helps."""


def find_program(path: str = "") -> str:
    """Return the absolute path of `livekit-server`.

    It is `path` where given, else looked for on PATH, then beside this Python (in its virtual
    environment).

    Raises:
        LiveKitServerError: there is none.
    """
    if path:
        found = shutil.which(path)
        if found is None:
            raise LiveKitServerError(f"LIVEKIT_SERVER={path} is no program that can be run")
        return str(Path(found).resolve())
    found = shutil.which(PROGRAM) or shutil.which(PROGRAM, path=str(Path(sys.prefix) / "bin"))
    if found is None:
        raise LiveKitServerError(
            "livekit-server is not installed: `brew install livekit` (macOS), "
            "`curl -sSL https://get.livekit.io | bash` (Linux), "
            "or `make setup` in a checkout (builds it with Go) installs it; "
            "or set LIVEKIT_URL to use a server that runs elsewhere"
        )
    return str(Path(found).resolve())
