"""The structures of GlusterFS's headers: generated when glupy is built (`glupy/build`)."""

from typing import Any

def __getattr__(name: str) -> Any: ...
