"""Text messages through Twilio as a customer channel."""
