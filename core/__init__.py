"""The channel-agnostic core: the words, the one path a message takes, and its promises."""
