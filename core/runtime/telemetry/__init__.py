"""Traces and numbers for whoever watches from outside."""
