"""What is checked of values that are made in Python; runs inside a glusterfs process.

A check gets a `Stage`: `ask` makes a request at `above`, which passes the witness and is
answered by `below`, and tells what each of them has seen.
"""

from properties import fixed, give_back, random_values, stubs, wrong
from properties.asking import run, serving

__all__ = ["fixed", "give_back", "random_values", "run", "serving", "stubs", "wrong"]
