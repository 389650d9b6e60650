"""Builds the application from settings and slices, starts it, stops it.

Only bot.py imports this, after it has begun to start the embedded store: all that is heavy is
imported here, while the store boots. `opened` is the application at rest, for a command; `serving`
is the same one, started.
"""

from app.app import App
from app.opening import opened, serving

__all__ = ["App", "opened", "serving"]
