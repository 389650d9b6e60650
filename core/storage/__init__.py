"""The store: MongoDB's protocol, a real server or the embedded one."""
