"""What shows there are, and who watched what."""
