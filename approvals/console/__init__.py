"""The console's pages for the queue and for conversations."""
