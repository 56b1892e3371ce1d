"""Benchmarks: what `make bench` and its siblings run."""
