"""Autonomy: how much may go out without review, by topic, earned from decisions."""
