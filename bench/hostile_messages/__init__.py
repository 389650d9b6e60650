"""Threats and what only sounds like one, as people write them: told apart, half by half."""
