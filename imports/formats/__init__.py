"""The formats in which help desks export conversations; each yields the same values."""
