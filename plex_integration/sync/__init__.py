"""Reading the library of a Plex server: what it has, what changed, and what was watched."""
