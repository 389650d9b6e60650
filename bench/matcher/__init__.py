"""Trains the question matcher: `python -m bench.matcher`; needs torch and wordfreq."""
