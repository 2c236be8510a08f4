"""The console's reusable widgets: each draws its own lines and knows nobody above it."""
