"""Experiments on steering: activation addition, its controls, the frontier of effect and damage."""
