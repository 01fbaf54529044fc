"""The native module inside glupy.so, as the support package sees it.

Authors import `gluster`, which has the classes and their documentation.
"""

from collections.abc import Coroutine
from typing import Any

from gluster import CancelledError as CancelledError
from gluster import Client as Client
from gluster import Dict as Dict
from gluster import Dirent as Dirent
from gluster import Dirents as Dirents
from gluster import Fd as Fd
from gluster import Flock as Flock
from gluster import Frame as Frame
from gluster import FrameError as FrameError
from gluster import Future as Future
from gluster import Gfid as Gfid
from gluster import Iatt as Iatt
from gluster import Inode as Inode
from gluster import InodeTable as InodeTable
from gluster import Iobref as Iobref
from gluster import Iovec as Iovec
from gluster import Lease as Lease
from gluster import Loc as Loc
from gluster import Lock as Lock
from gluster import LockList as LockList
from gluster import Reply as Reply
from gluster import Semaphore as Semaphore
from gluster import Statvfs as Statvfs
from gluster import Task as Task
from gluster import Xlator as Xlator
from gluster import gather as gather
from gluster import sleep as sleep
from gluster import timeout as timeout
from gluster import to_thread as to_thread

built_for: str
"""The version of GlusterFS that glupy.so was built for."""

fops: list[str]

sources: dict[str, str]
"""The texts of the modules that glupy.so carries."""

bytecode: dict[str, bytes]
"""The same compiled, behind the number of the Python that can read it."""

def log(level: int, file: str, line: int, function: str, text: str, volume: str) -> None:
    """Writes records, one per line of the text, at a `gf_loglevel_t`.

    The volume is for threads that run for no translator; "" if it is not known.
    """

def admit(file: str, line: int, what: str, volume: str) -> bool:
    """Whether what has gone wrong there may be told again; counts it."""

def log_enabled(level: int) -> bool:
    """Whether a record at that level would be written."""

def parse_bool(text: str) -> bool | None:
    """`on`, `off` and the like, as GlusterFS reads them; None for anything else."""

def parse_int(text: str) -> int | None:
    """A whole number."""

def parse_percent(text: str) -> float | None:
    """A percentage, with or without the sign."""

def parse_size(text: str) -> int | None:
    """A number of bytes, with or without a unit."""

def parse_time(text: str) -> int | None:
    """A number of seconds, with or without a unit."""

def spawn(this: Xlator, coroutine: Coroutine[Any, Any, Any]) -> Task[Any]:
    """Starts a coroutine for a volume."""

def __getattr__(name: str) -> Any:
    """`X_wind` and `X_unwind` of each fop of this build."""
