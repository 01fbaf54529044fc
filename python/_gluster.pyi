"""The native module inside glupy.so, as the support package sees it.

Authors import `gluster`, which has the classes and their documentation.
"""

from typing import Any

from gluster import Client as Client
from gluster import Dict as Dict
from gluster import Dirent as Dirent
from gluster import Dirents as Dirents
from gluster import Fd as Fd
from gluster import Flock as Flock
from gluster import Frame as Frame
from gluster import FrameError as FrameError
from gluster import Gfid as Gfid
from gluster import Iatt as Iatt
from gluster import Inode as Inode
from gluster import InodeTable as InodeTable
from gluster import Iobref as Iobref
from gluster import Iovec as Iovec
from gluster import Lease as Lease
from gluster import Loc as Loc
from gluster import LockList as LockList
from gluster import Statvfs as Statvfs
from gluster import Xlator as Xlator

fops: list[str]

def log(level: int, file: str, line: int, function: str, text: str) -> None:
    """Writes records, one per line of the text, at a `gf_loglevel_t`."""

def log_enabled(level: int) -> bool:
    """Whether a record at that level would be written."""

def __getattr__(name: str) -> Any:
    """`X_wind` and `X_unwind` of each fop of this build."""
