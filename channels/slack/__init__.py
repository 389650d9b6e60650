"""Slack as a customer channel, and the one Slack app that the agents' desk shares."""
