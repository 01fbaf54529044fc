"""Values of extended attributes are their bytes: text that Python gives has no NUL behind it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from glusterfs import Host, Option, Volfile

TRANSLATOR = """
from gluster import Dict, Translator

VALUES = {"user.text": "text", "user.number": 5, "user.real": 0.5, "user.bytes": b"bytes",
          "user.n": 1 << 63}

class xlator(Translator):
    async def setxattr_fop(self, frame, this, loc, dict, flags, xdata):
        given = Dict(VALUES)
        given["user.empty"] = ""
        given.update({"user.later": "later", "xdata": "with a NUL"})
        assert given.raw("user.text") == b"text" and given["user.number"] == b"5"
        assert given.raw("xdata") == b"with a NUL\\0" and given["xdata"] == "with a NUL"
        del given["xdata"]
        await self.children[0].setxattr(loc, Dict({"user.child": "child"}), 0, None)
        dict["user.beside"] = "beside"
        given.update(dict)
        return await frame.wind(dict=given)

    def getxattr_cbk(self, frame, cookie, this, op_ret, op_errno, dict, xdata):
        frame.unwind(0, 0, dict=Dict({"user.made": "made", "user.count": 12}))
"""


@pytest.mark.parametrize("on", ["mount", "brick", "client"])
def test_text_has_no_nul(host: Host, on: str) -> None:
    path = host.write(attributes=TRANSLATOR)
    options: dict[str, Option] = {"module-name": "attributes", "module-path": path}
    graph = host.posix()
    if on == "mount":
        graph.add("attributes", host.glupy, options)
    else:
        if on == "brick":
            graph.add("attributes", host.glupy, options)
        graph = host.serve(graph).client(Volfile(), "client")
        if on == "client":
            graph.add("attributes", host.glupy, options)
    mount = host.mount(graph)
    file, kept = mount.path / "file", host.brick() / "file"
    file.touch()
    os.setxattr(file, "user.given", b"given")
    assert os.getxattr(file, "user.made") == b"made"
    assert os.getxattr(file, "user.count") == b"12"
    assert attributes(kept) == {
        "user.text": b"text",
        "user.number": b"5",
        "user.real": b"0.5",
        "user.bytes": b"bytes",
        "user.empty": b"",
        "user.later": b"later",
        "user.child": b"child",
        "user.beside": b"beside",
        "user.given": b"given",
        "user.n": b"9223372036854775808",
    }


def attributes(file: Path) -> dict[str, bytes]:
    names = [name for name in os.listxattr(file) if name.startswith("user.")]
    return {name: os.getxattr(file, name) for name in names}
