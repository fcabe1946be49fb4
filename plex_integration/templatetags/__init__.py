"""What the admin's templates ask for."""
