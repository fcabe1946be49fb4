"""The pages of shows."""
