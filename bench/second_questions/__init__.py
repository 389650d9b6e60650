"""What becomes of the message that comes after another one; see README.md."""
