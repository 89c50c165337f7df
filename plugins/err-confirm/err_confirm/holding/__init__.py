"""Hold the commands of other plugins until somebody has confirmed them, on every way into Errbot."""
