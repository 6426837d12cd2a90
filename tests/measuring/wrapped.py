"""Run ``carbonprint run`` as a person would, with a ledger of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

CARBONPRINT = [sys.executable, "-m", "carbonprint"]


FINDER = """
import importlib.machinery, sys
class Before:
    '''Finds the modules of one folder before those that are installed.'''
    def find_spec(name, path=None, target=None):
        return importlib.machinery.PathFinder.find_spec(name, [{folder!r}]) if path is None else None
sys.meta_path.insert(0, Before)
"""


class Wrapper:
    """``carbonprint run`` in a folder, with its state in another."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "work"
        self.state_dir = tmp_path / "state"
        self.folder.mkdir()
        self.environment = {**os.environ, "CARBONPRINT_STATE_DIR": str(self.state_dir)}

    def put_before(self, files: dict[str, str]) -> None:
        """Put modules in front of those that are installed; what ``sitecustomize.py`` holds is run at the start."""
        folder = self.folder.parent / "before"
        startup = textwrap.dedent(files.pop("sitecustomize.py", ""))
        for name, text in files.items():
            path = folder / "modules" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
        folder.mkdir(exist_ok=True)
        (folder / "sitecustomize.py").write_text(FINDER.format(folder=str(folder / "modules")) + startup)
        self.environment["PYTHONPATH"] = str(folder)

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run to the end; what is not given is caught."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        command = [*CARBONPRINT, "run", *arguments]
        return subprocess.run(command, cwd=self.folder, timeout=60, **{"env": self.environment, **options})

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start, and leave it running."""
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(
            [*CARBONPRINT, "run", *arguments], cwd=self.folder, env=self.environment, **options
        )

    def records(self) -> list[dict[str, Any]]:
        """All records in the ledger, newest first."""
        done = subprocess.run(
            [*CARBONPRINT, "runs", "export", "--format", "json"],
            env=self.environment, cwd=self.folder, capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    def record(self) -> dict[str, Any]:
        """The only record in the ledger."""
        (record,) = self.records()
        return record
