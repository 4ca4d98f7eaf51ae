"""Runs and claims: what a run leaves on the disk, what judges a claim, and what makes a result stale."""
