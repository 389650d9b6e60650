"""The console's pages and API for the queue and for conversations."""
