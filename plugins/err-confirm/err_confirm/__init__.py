"""Hold dangerous chat commands until the right people have confirmed them."""

__version__ = "0.1.0"
