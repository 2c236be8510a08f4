"""Real database engines of the sandbox: each database of a stack is a server process of its own on loopback."""
