"""The channel-agnostic core: domain, engine, answering, accounts, and the frame around them."""
