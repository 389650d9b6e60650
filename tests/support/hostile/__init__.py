"""What strangers, models and browsers do who mean harm."""
