"""A file system in FUSE that shows one folder with one file, both root's as it says.

Mounted on behalf of another user, as fusermount does it. The user says what its source is called,
and may unmount it (`lazy`) before a process is told the attributes of the folder.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
from pathlib import Path

MNT_DETACH = 2
HEADER = struct.Struct("<IIQQIIII")  # len, opcode, unique, nodeid, uid, gid, pid, padding
LOOKUP, GETATTR, OPEN, READ, INIT, OPENDIR, READDIR = 1, 3, 14, 15, 26, 27, 28
SILENT = {2, 36, 42}  # forget, interrupt, batch_forget: nobody waits for an answer
ROOT, FILE = 1, 2


class Server:
    """Answers the kernel until the file system is unmounted."""

    def __init__(
        self, path: Path, user: int, name: str, content: str,
        source: bytes = b"theirs", *, lazy: bool = False,
    ) -> None:  # fmt: skip
        self.path, self.lazy = path, lazy
        self.name, self.content = name.encode(), content.encode()
        self.device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.device},rootmode=40000,user_id={user},group_id={user},allow_other"
        self.libc = libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(source, os.fsencode(path), b"fuse", 0, options.encode()):
            raise OSError(ctypes.get_errno(), "mount", str(path))
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while True:
            try:
                request = os.read(self.device, 1 << 18)
            except OSError:  # unmounted
                os.close(self.device)
                return
            _, opcode, unique, node, _, _, process, _ = HEADER.unpack_from(request)
            if opcode in SILENT:
                continue
            if self.lazy and (opcode, node) == (GETATTR, ROOT) and process != os.getpid():
                self.libc.umount2(os.fsencode(self.path), MNT_DETACH)
            answer = self.answer(opcode, node, request[HEADER.size :])
            number, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), number, unique) + data)

    def answer(self, opcode: int, node: int, body: bytes) -> bytes | int:
        if opcode == INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, 0, 1, 1, 4096, 1, 0, 0, 0)
        if opcode == LOOKUP:
            if body.rstrip(b"\0") != self.name:
                return errno.ENOENT
            return struct.pack("<QQQQII", FILE, 0, 0, 0, 0, 0) + self.attributes(FILE)
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + self.attributes(node)
        if opcode in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if opcode == READDIR:
            offset = struct.unpack_from("<QQ", body)[1]
            entry = struct.pack("<QQII", FILE, 1, len(self.name), stat.S_IFREG >> 12) + self.name
            return b"" if offset else entry.ljust(-(-len(entry) // 8) * 8, b"\0")
        if opcode == READ:
            offset, size = struct.unpack_from("<QI", body, 8)
            return self.content[offset : offset + size]
        return errno.ENOSYS

    def attributes(self, node: int) -> bytes:
        is_file = node == FILE
        mode = stat.S_IFREG | 0o644 if is_file else stat.S_IFDIR | 0o755
        size = len(self.content) if is_file else 0
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, 1, 0, 0, 0, 0, 0, 0,
                           mode, 1, 0, 0, 0, 4096, 0)  # fmt: skip
