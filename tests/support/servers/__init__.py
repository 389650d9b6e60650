"""Local servers that speak the vendors' protocols and remember what they were sent."""
