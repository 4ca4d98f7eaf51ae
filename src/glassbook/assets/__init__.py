"""What ships with the package: the starter notebook and the built-in models."""
