"""The queue of drafts that wait for a person, and all that people do in conversations."""
