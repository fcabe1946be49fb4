"""Everything that says Plex: its events, its accounts, and which of our shows its shows are."""
