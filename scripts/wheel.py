"""The step of a build that takes the page and the settings of LiveKit into the wheel."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from setuptools.command.build_py import build_py

_PAGE = Path("services/web/static/index.html")
_FILES = {
    "livekit.yaml": "services/livekit_server/livekit.yaml",
    ".env.example": "agent/env.example",
}
"""What an installation has elsewhere than a checkout."""


class BuildPackage(build_py):  # type: ignore[misc]
    """Builds the package; runs in the repository's root."""

    def run(self) -> None:
        """Copy the modules and their data. Ends the build with a sentence where no page is."""
        if self.editable_mode:
            super().run()
            return
        if not _PAGE.is_file():
            sys.exit(f"The page is not built, there is no {_PAGE}: run `make page` first.")
        super().run()
        for source, place in _FILES.items():
            shutil.copy(source, Path(self.build_lib, place))
