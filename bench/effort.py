"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    short: bool
    # Short blocks, and many: what else runs on the machine disturbs few of them.
    blocks: int  # of each set-up, in a process
    block_us: int  # microseconds that a block takes
    raw_rounds: int  # processes
    fuse_rounds: int
    fuse_list_rounds: int  # listings take long
    fuse_ms: int  # for each thing done, in each round
    start_rounds: int
    peers: bool = True  # whether others' techniques are measured, too


FULL = Effort(
    short=False, blocks=150, block_us=1000, raw_rounds=3, fuse_rounds=100, fuse_list_rounds=8,
    fuse_ms=25, start_rounds=15,
)  # fmt: skip
# Under three minutes in all.
SHORT = Effort(
    short=True, blocks=40, block_us=700, raw_rounds=2, fuse_rounds=20, fuse_list_rounds=2,
    fuse_ms=20, start_rounds=3,
)  # fmt: skip
# For each of two libraries, in each of the rounds of --against.
AGAINST = Effort(
    short=True, blocks=40, block_us=500, raw_rounds=1, fuse_rounds=10, fuse_list_rounds=1,
    fuse_ms=20, start_rounds=1, peers=False,
)  # fmt: skip
