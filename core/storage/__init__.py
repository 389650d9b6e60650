"""The store: MongoDB's protocol, real or embedded."""
