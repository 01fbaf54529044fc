"""What Glupy costs: `make bench`; see docs/performance.md."""
