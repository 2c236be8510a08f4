"""dmstui: a keyboard-driven terminal console for AWS Database Migration Service, with a local AWS to learn on."""

__version__ = "0.1.0"
