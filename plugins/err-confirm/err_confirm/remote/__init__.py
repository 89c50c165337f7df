"""Have actions run on other machines, by the workers of a queue."""
