"""Start processes, as whom and within which limits, and see that nothing of them is left."""
