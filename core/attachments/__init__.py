"""Files of customers and agents: fetched, kept by content, shown, read and forgotten."""
