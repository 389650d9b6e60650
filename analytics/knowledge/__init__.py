"""A look at what is known: which articles are used, outdated, doubled, and what they lack."""
