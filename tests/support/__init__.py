"""What several tests need: the core put together, vendors, programs, and whoever means harm."""
