"""Approvals: drafts that wait for a person, and conversations in people's hands."""
