"""What operators edit: settings, prompts and the words customers read."""
