"""Show values so that people read what is there, and nothing else happens: in Markdown, in pages, letter by letter."""
