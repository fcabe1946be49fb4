"""The pages under /settings/: a module each. A view reads the request, makes one call into the domain, and answers."""
