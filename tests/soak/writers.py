"""Writers (`writer.py`) at work in a folder of a mount, and what they say was lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Self

from soak import writer


class Writers:
    """So many of them, until they are stopped, or the mount is."""

    def __init__(self, folder: Path, journals: Path, number: int) -> None:
        self.journals = {f"writer{i}": journals / f"writer{i}" for i in range(number)}
        journals.mkdir()
        self.processes = [
            subprocess.Popen(
                [sys.executable, writer.__file__, folder, journal, name],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True,
            )
            for name, journal in self.journals.items()
        ]  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[str]:
        """End those that go on; what the others ended with."""
        errors = []
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()
            elif process.stdout is not None and not process.stdout.closed:
                errors.append(process.communicate()[0])
        return errors

    def acknowledged(self) -> int:
        """How many files they were told are there."""
        return sum(len(writer.acknowledged(journal)) for journal in self.journals.values())

    def lost(self, brick: Path) -> list[str]:
        """What they were told is written, and is not in the folder of the brick."""
        journals = self.journals.values()
        return [each for journal in journals for each in writer.lost(brick, journal)]
