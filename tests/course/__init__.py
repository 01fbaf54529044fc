"""Every fop, both ways, bit for bit: harness.py builds and runs it, driver.c explains it."""
