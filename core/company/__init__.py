"""The company as it shows itself: its name, colour, greeting and hours, set in the console."""
