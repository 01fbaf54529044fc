"""The Python side of Glupy that is written by hand.

Travels inside ``glupy.so``. Translators import ``gluster``, not this package.
"""
