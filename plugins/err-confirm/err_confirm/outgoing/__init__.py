"""Send requests to where they may go, and to nowhere else; the standard library is all that this needs."""
