"""Experiments on circuits: induction heads, circuit discovery."""
