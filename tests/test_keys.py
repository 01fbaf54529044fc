"""Keys of dicts whose values GlusterFS's translators take for something (`keys` of fops.yaml):
what Python stores under one is that, or refused, and nobody crashes.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from course.harness import ROOT

from glusterfs import Host, Option, Volfile

SECTION = re.search(r"^keys:\n((?:  .*\n)+)", (ROOT / "fops.yaml").read_text(), re.M)
assert SECTION is not None
KEYS = dict(re.findall(r"^  (\S+): \{(.*)\}$", SECTION[1], re.M))

# Asked for user.keys it stores values under a key and says what went wrong.
STORES = """
import json
from gluster import Dict, DictType, Gfid, Iatt, Translator, getxattr_reply_t

WAYS = [
    lambda d, key, value: Dict({key: value}),
    lambda d, key, value: Dict(**{key: value}),
    lambda d, key, value: d.__setitem__(key, value) or d,
    lambda d, key, value: d.update([(b"user.before", b""), (key.encode(), value)]) or d,
    lambda d, key, value: (d.setdefault(key, value), d)[1],
]

def values(rule):
    # Those that are right, and those that are not.
    if rule.startswith("size"):
        sizes = json.loads("[" + rule.split(":")[1].strip(" []") + "]")
        wrong = [b"", b"x", 7, "text", bytes(sizes[-1] + 1), 2**31 - 1]
        wrong += [bytes(size - 1) for size in sizes]
        return [bytes(size) for size in sizes], wrong
    if rule.startswith("max"):
        size = int(rule.split(":")[1])
        return [b"", "x" * (size - 1), bytes(size)], [bytes(size + 1), "x" * size]
    if rule.startswith("struct"):
        size = len(Dict(a=Iatt()).raw("a"))
        wrong = [b"", b"1", 7, "text", bytes(size - 1), bytes(size + 1)]
        return [Iatt(ia_size=5), bytes(size)], wrong
    if rule.startswith("string"):
        return ["", "text", b"text\\0", 7], [b"", b"text", bytes(Gfid(bytes(range(16))))]
    assert rule == "internal: true"
    return [], [b"", b"x", 7, "text", bytes(64)]

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if name != "user.keys":
            return await frame.wind()
        said, tried = [], 0
        for key, rule in KEYS.items():
            key = key.replace("*", "some.1")
            right, wrong = values(rule)
            for way in WAYS:
                for value in right:
                    tried += 1
                    try:
                        stored = way(Dict(), key, value)
                        expected = Dict(a=value).raw("a")
                        assert stored.raw(key) == expected, stored.raw(key)
                    except Exception as error:
                        said.append(f"{key} = {value!r:.40}: {error!r}")
                for value in wrong:
                    tried += 1
                    there = Dict()
                    try:
                        way(there, key, value)
                        said.append(f"{key} = {value!r:.40} is taken")
                    except ValueError as error:
                        if not str(error).startswith(f'Dict: "{key}" '):
                            said.append(f"{key}: {error}")
                    if key in there:
                        said.append(f"{key} = {value!r:.40} is there")
        for key in OTHERS:
            for way in WAYS:
                for value in (b"", b"x", 7, "text", bytes(10000), Iatt()):
                    way(Dict(), key, value)
        return getxattr_reply_t(dict=Dict({name: json.dumps([tried, said]).encode()}))
"""
# Not for a table: an author's own, an administrator's, and names that are nearly one.
OTHERS = [
    "user.keys", "user.trusted.afr.x", "trusted.glusterfs.volume-id", "trusted.afr", "virt-gf",
    "trusted.glusterfs.stime", "trusted.glusterfs.quota.dirty", "lease-id2", "t", "g",
    "glusterfs.content", "security.selinux", "trusted.glusterfs.quota.sizes",
]  # fmt: skip


def stack(host: Host, source: str, *above: tuple[str, dict[str, Option]]) -> Volfile:
    """A translator on storage, and others above it."""
    volfile = host.posix()
    options: dict[str, Option] = {"module-name": "keys", "module-path": host.write(keys=source)}
    volfile.add("keys", host.glupy, options)
    for kind, more in above:
        volfile.add(kind.partition("/")[2], kind, more)
    return volfile


def test_each_key_holds_what_it_says(host: Host) -> None:
    rules = {key: rest.partition(", xlator:")[0] for key, rest in KEYS.items()}
    assert len(rules) > 40
    source = f"KEYS = {rules!r}\nOTHERS = {OTHERS!r}\n{STORES}"
    with host.mount(stack(host, source)) as mount:
        tried, said = json.loads(os.getxattr(mount.path, "user.keys"))
        assert not said, "\n".join(said)
        assert tried > 1000


# Does with what storage answers whatever leaves a value as it came.
PASSES = """
from gluster import Dict, Translator, getxattr_reply_t

KEY = "trusted.glusterfs.shard.block-size"

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        if name != "user.ask":
            return await frame.wind()
        came = (await self.children[0].getxattr(loc, KEY)).dict
        assert came[KEY] == b"1"
        there = Dict(came)
        there.update(came.copy())
        there["user.more"] = b"2"
        try:
            there[KEY] = came[KEY]
        except ValueError as error:
            assert "holds 8 bytes" in str(error) and "not 1" in str(error), error
        assert there[KEY] == b"1"
        there[name] = there.pop(KEY)
        assert KEY not in there
        return getxattr_reply_t(dict=there)
"""


def test_what_came_is_passed_on(host: Host) -> None:
    with host.mount(stack(host, PASSES)) as mount:
        brick = host.directory / "brick"
        os.setxattr(brick, "trusted.glusterfs.shard.block-size", b"1")
        assert os.getxattr(mount.path, "user.ask") == b"1"


SHARD = """
from gluster import Dict, Translator

class xlator(Translator):
    def removexattr_cbk(self, frame, cookie, this, op_ret, op_errno, xdata):
        frame.unwind(xdata=Dict({"virt-gf-prestat": b"1"}))
"""
BITROT = """
from gluster import Dict, Translator

class xlator(Translator):
    async def getxattr_fop(self, frame, this, loc, name, xdata):
        reply = await frame.wind()
        there = Dict()
        there["trusted.bit-rot.version"] = bytes(16)
        there["trusted.bit-rot.signature"] = bytes(40)
        there["trusted.glusterfs.bit-rot.size"] = 2**31 - 1
        return reply.replace(op_ret=0, dict=there)
"""
CHANGELOG = """
import struct
from gluster import Dict, Translator

class xlator(Translator):
    def unlink_fop(self, frame, this, loc, xflags, xdata):
        xdata = Dict() if xdata is None else xdata
        lengths = struct.pack("<II", 2**31 - 1, 2**31 - 1)
        xdata["changelog.rename-op"] = bytes(32) + lengths + b"x"
        frame.wind(xdata=xdata)
"""
MARKER = """
from gluster import Dict, Translator

class xlator(Translator):
    async def setxattr_fop(self, frame, this, loc, dict, flags, xdata):
        for size in range(8):
            key = "trusted.glusterfs.quota.size.1"
            await self.children[0].xattrop(loc, 0, Dict({key: bytes(size)}))
        return await frame.wind()
"""
DISTRIBUTE = """
from gluster import Dict, Translator

class xlator(Translator):
    async def lookup_fop(self, frame, this, loc, xdata):
        reply = await frame.wind()
        if reply.op_ret == 0 and loc.name == "directory":
            reply.xdata["trusted.glusterfs.quota.size"] = b"1"
        return reply
"""


def fails(what: Callable[..., object], *arguments: object) -> None:
    """It is answered EIO."""
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        what(*arguments)


def refused(host: Host, volfile: Volfile, key: str, act: Callable[[Path], None]) -> None:
    """The value is refused in the handler, the request fails, and the process lives."""
    (host.directory / "brick/file").write_bytes(b"content")
    with host.mount(volfile) as mount:
        mount.log.expect(f'ValueError: Dict: "{re.escape(key)}"')
        mount.log.known.append(".*")
        act(mount.path)
        assert mount.running()
        assert mount.log.find(f'ValueError: Dict: "{re.escape(key)}"')
        assert os.listdir(mount.path)


def test_shard_is_not_crashed(host: Host) -> None:
    def act(path: Path) -> None:
        (path / "new").touch()  # of shards; what lay on the brick is not
        os.setxattr(path / "new", "user.a", b"1")
        fails(os.removexattr, path / "new", "user.a")

    volfile = stack(host, SHARD, ("features/shard", {}))
    refused(host, volfile, "virt-gf-prestat", act)


def test_bitrot_stub_is_not_crashed(host: Host) -> None:
    export = {"export": str(host.directory / "brick"), "bitrot": "enable"}
    volfile = stack(host, BITROT, ("features/bitrot-stub", dict(export)))

    def act(path: Path) -> None:
        fails(os.getxattr, path / "file", "trusted.glusterfs.get-signature")

    refused(host, volfile, "trusted.bit-rot.signature", act)


def test_changelog_is_not_crashed(host: Host) -> None:
    (changes := host.directory / "changes").mkdir()
    volfile = host.posix()
    brick = {"changelog-brick": str(host.directory / "brick"), "changelog-dir": str(changes)}
    volfile.add("changelog", "features/changelog", {**brick, "changelog": "on"})
    modules = host.write(keys=CHANGELOG)
    volfile.add("keys", host.glupy, {"module-name": "keys", "module-path": modules})
    refused(host, volfile, "changelog.rename-op", lambda path: fails(os.unlink, path / "file"))


def test_marker_is_not_crashed(host: Host) -> None:
    # Without quota: with it GlusterFS 10.3's marker ends in free(), whoever is above.
    (stamp := host.directory / "stamp").write_text("")
    volfile = host.posix()
    uuid = {"volume-uuid": "11111111-1111-1111-1111-111111111111", "timestamp-file": str(stamp)}
    volfile.add("marker", "features/marker", {**uuid, "xtime": "on"})
    modules = host.write(keys=MARKER)
    volfile.add("keys", host.glupy, {"module-name": "keys", "module-path": modules})
    refused(
        host,
        volfile,
        "trusted.glusterfs.quota.size.1",
        lambda path: fails(os.setxattr, path / "file", "user.a", b"1"),
    )


# The xdata of the request is no answer's: distribute asks there with numbers, and reads more.
GIVES_BACK = """
from gluster import Translator, lookup_reply_t

class xlator(Translator):
    async def lookup_fop(self, frame, this, loc, xdata):
        reply = await frame.wind()
        if reply.op_ret == 0 and loc.name == "directory":
            return reply.replace(xdata=xdata)
        return reply
"""


def distributed(host: Host, source: str) -> Volfile:
    """Two bricks, each with a translator, below cluster/distribute, and a directory."""
    volfile = Volfile()
    modules = host.write(keys=source)
    for number in range(2):
        brick = host.brick("brick" if number else "other")
        (brick / "directory").mkdir()
        volfile.add(f"posix{number}", "storage/posix", {"directory": brick}, on=[])
        volfile.add(f"locks{number}", "features/locks")
        options: dict[str, Option] = {"module-name": "keys", "module-path": modules}
        volfile.add(f"keys{number}", host.glupy, options)
    return volfile.add("distribute", "cluster/distribute", {}, on=["keys0", "keys1"])


def looks(path: Path) -> None:
    for _ in range(5):
        # Distribute makes ENOENT of EIO when it has found the directory nowhere yet.
        with pytest.raises(OSError, match=r"Input/output error|No such file"):
            os.stat(path / "directory")


def test_distribute_is_not_crashed(host: Host) -> None:
    refused(host, distributed(host, DISTRIBUTE), "trusted.glusterfs.quota.size", looks)


def test_a_request_is_no_answer(host: Host) -> None:
    says = "lookup: xdata of the answer has what its caller can not take: .trusted.glusterfs.dht"
    with host.mount(distributed(host, GIVES_BACK)) as mount:
        mount.log.expect(says)
        mount.log.known.append(".*")
        looks(mount.path)
        assert mount.running()
        assert mount.log.find(says)
