"""``await inode.paths()``: where a file is, as its brick keeps it (gfid2path).

Read from the brick's folder, and not asked for by the attribute ``glusterfs.gfidtopath``: that
crashes the brick in GlusterFS 10 while a directory above the file is renamed, and its answer is one
string, in which a directory ``a:`` looks like the end of a path.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable

from gluster import IaType, Inode, Xlator, to_thread

#: An attribute of a file for each of its names: the GFID of the directory, a slash, and the name.
_NAME = "trusted.gfid2path."
_ROOT = "00000000-0000-0000-0000-000000000001"
_DEEPEST = 2048  # directories: half of PATH_MAX

# In seconds, before it is tried again: a name that is made, moved or removed just now, or a
# directory above it, is not there for a moment.
_PAUSES = (0.001, 0.002, 0.004, 0.008, 0.016)


async def paths(inode: Inode, this: Xlator) -> list[str]:
    """All paths of a file, or the path of a directory."""
    brick, gfid = _brick(this), inode.gfid
    if not gfid:
        raise OSError(errno.ENOENT, "Inode.paths: the file is still to be found or made")
    find = _of_directory if inode.ia_type == IaType.IFDIR else _of_file
    return await to_thread(_again, find, brick, str(gfid))


def _brick(this: Xlator) -> str:
    below = this
    while below.children:
        below = below.children[0]
    if below.type != "storage/posix":
        raise OSError(
            errno.EOPNOTSUPP,
            f"Inode.paths: below {this.name} there is no brick in this process (storage/posix); "
            "a client knows what it has looked up: Inode.path()",
        )
    return below.options["directory"]


def _again(find: Callable[[str, str], list[str]], brick: str, gfid: str) -> list[str]:
    for pause in _PAUSES:
        try:
            return find(brick, gfid)
        except OSError:
            time.sleep(pause)
    return find(brick, gfid)


def _handle(brick: str, gfid: str) -> str:
    """A hard link to the file; of a directory a symbolic link to its name in the handle above."""
    return f"{brick}/.glusterfs/{gfid[:2]}/{gfid[2:4]}/{gfid}"


def _directory(brick: str, gfid: str) -> str:
    """Its path, without a slash at the end."""
    names: list[str] = []
    while gfid != _ROOT:
        if len(names) == _DEEPEST:
            raise OSError(errno.ELOOP, f"Inode.paths: {brick}: {gfid} leads to no root")
        *_, gfid, name = os.readlink(_handle(brick, gfid)).split("/")
        names.append(f"/{name}")
    return "".join(reversed(names))


def _of_directory(brick: str, gfid: str) -> list[str]:
    return [_directory(brick, gfid) or "/"]


def _of_file(brick: str, gfid: str) -> list[str]:
    handle = _handle(brick, gfid)
    found = []
    for attribute in os.listxattr(handle, follow_symlinks=False):
        if attribute.startswith(_NAME):
            value = os.fsdecode(os.getxattr(handle, attribute, follow_symlinks=False))
            parent, _, name = value.partition("/")
            found.append(f"{_directory(brick, parent)}/{name}")
    names = os.lstat(handle).st_nlink - 1
    if len(found) != names:
        raise OSError(
            errno.ENODATA,
            f"Inode.paths: {brick} keeps {len(found)} of the {names} names of {gfid}; was the "
            "option gfid2path of storage/posix off when they were made?",
        )
    return found
