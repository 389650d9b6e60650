"""Groups of past questions in Slack: offered in small portions, decided where they are shown."""
