"""Builds the page into the wheel, so that whoever installs it needs no Node.js."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path("server") / "web"


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs npm unless the page has been built already, as `make` does."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a wheel is made; an editable one takes the page from the checkout."""
        web = Path(self.root) / WEB
        if version == "editable" or (web / "dist" / "index.html").is_file():
            return
        npm = shutil.which("npm")
        if npm is None:
            sys.exit(
                "building the page needs Node.js and npm; install them, or build by `make wheel`"
            )
        for words in (["ci", "--no-audit", "--no-fund"], ["run", "build"]):
            subprocess.run([npm, *words], cwd=web, check=True)
