"""The project: settings, addresses, the start command and the first-run pages."""
