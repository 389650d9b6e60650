"""What people's decisions teach: knowledge, and how much may go out without them."""
