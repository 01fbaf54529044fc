"""Garbage cycles that keep requests are collected, and that takes little of the time."""

from __future__ import annotations

import os
import threading
import time

from glusterfs import Host, Option

LARGE = """
import gc
import threading
import time
from gluster import Dict, Translator, getxattr_unwind

class xlator(Translator):
    def __init__(self, this):
        super().__init__(this)
        self.heap = [[i] for i in range(3_000_000)]
        gc.collect()
        self.spent, self.begun = 0.0, 0.0
        gc.callbacks.append(self.watch)

    def watch(self, phase, info):
        if info["generation"] == 2:
            if phase == "start":
                self.at = time.monotonic()
                self.begun = self.begun or self.at
            else:
                self.spent += time.monotonic() - self.at

    def stat_fop(self, frame, this, loc, xdata):
        # Kept for longer than it takes until somebody looks.
        threading.Timer(0.7, frame.wind).start()

    lookup_fop = stat_fop

    def getxattr_fop(self, frame, this, loc, name, xdata):
        if name != "user.share":
            return frame.wind()
        share = self.spent / (time.monotonic() - self.begun) if self.begun else 0
        getxattr_unwind(frame, 0, 0, Dict({name: repr(share).encode()}), None)
"""


def test_a_large_heap_is_not_always_collected(host: Host) -> None:
    options: dict[str, Option] = {"module-name": "large", "module-path": host.write(large=LARGE)}
    mount = host.mount(host.posix().add("large", host.glupy, options))
    ends = time.monotonic() + 6

    def ask() -> None:
        while time.monotonic() < ends:
            os.stat(mount.path)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    share = float(os.getxattr(mount.path, "user.share"))
    assert 0 < share < 0.2, share
