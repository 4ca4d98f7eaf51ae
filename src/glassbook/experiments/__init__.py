"""Recipes: one file for each system in the notes, with the claims that its runs decide."""
