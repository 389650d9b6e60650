"""The composition root: makes every part, tells each what it needs, starts and stops them.

Only bot.py imports this, after it has begun to start the embedded store: all that is heavy is
imported here, while the store boots. `center` is what stands on one store, `live` brings it to
life; each other module wires one part.
"""

from composition.center import Center
from composition.live import Serving
from composition.opening import opened, serving
from composition.program import GUIDE

__all__ = ["GUIDE", "Center", "Serving", "opened", "serving"]
