"""Intercepts every fop there is with a coroutine, and passes on the reply as it came."""

from __future__ import annotations

from typing import Any

from gluster import FOPS, Translator, Xlator


class xlator(Translator):
    pass


async def handler(self: xlator, frame: Any, this: Xlator, *arguments: object) -> Any:
    return await frame.wind()


for name in FOPS:
    setattr(xlator, f"{name}_fop", handler)
