"""Past conversations at length: time, what is left of planted data, coverage, precision."""
