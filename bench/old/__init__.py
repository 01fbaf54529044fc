"""The technique of the original Glupy, for comparison: Python behind ctypes callbacks."""
