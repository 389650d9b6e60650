"""The inbox: every conversation as a row that is searched, filtered and sorted."""
