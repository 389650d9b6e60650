"""Benchmarks against bare peers: `make bench` prints ratios of medians from A B A B pairs."""
