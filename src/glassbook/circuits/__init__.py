"""What a network computes: attribution and circuits over an opened model."""
