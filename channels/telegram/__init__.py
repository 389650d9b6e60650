"""Telegram as a customer channel."""
