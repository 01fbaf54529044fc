"""Files that translators make at run time."""

from __future__ import annotations

import os


def private(path: str, flags: int) -> int:
    """For ``open(path, "w", opener=gluster.private)``: a new file is its user's alone (mode 600).

    In a brick the umask is 0, so that the mode of a new file would be 666.
    """
    return os.open(path, flags, 0o600)
