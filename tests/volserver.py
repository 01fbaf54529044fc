"""A server of volfiles, as glusterd is one: so that a process can be given another volfile
while it runs. Speaks as much of Sun RPC (RFC 5531) and GlusterFS's handshake as that takes.
"""

from __future__ import annotations

import socket
import struct
import threading
from typing import Self

GETSPEC = (14398633, 2)  # GlusterFS's handshake program, its procedure for volfiles


class VolfileServer:
    """Serves one volfile to whoever asks, at a port of this machine."""

    def __init__(self, volfile: object) -> None:
        self.volfile = str(volfile)
        self.served = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while head := _receive(connection, 4):
                call = _receive(connection, struct.unpack(">I", head)[0] & 0x7FFFFFFF)
                xid, _, _, program, _, procedure = struct.unpack_from(">6I", call)
                accepted = struct.pack(">5I", xid, 1, 0, 0, 0)
                if (program, procedure) == GETSPEC:
                    spec = self.volfile.encode()
                    answer = struct.pack(">I", 0)  # success
                    answer += struct.pack(">ii", len(spec), 0) + _opaque(spec) + _opaque(b"")
                    self.served += 1
                else:
                    answer = struct.pack(">I", 3)  # no such procedure
                reply = accepted + answer
                connection.sendall(struct.pack(">I", 0x80000000 | len(reply)) + reply)


def _receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or none when the other side has left."""
    data = b""
    while len(data) < size:
        try:
            more = connection.recv(size - len(data))
        except OSError:
            return b""
        if not more:
            return b""
        data += more
    return data


def _opaque(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)
