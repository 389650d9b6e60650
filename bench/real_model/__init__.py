"""A real model asked 200 questions of a small shop; what goes out alone, right and wrong."""
