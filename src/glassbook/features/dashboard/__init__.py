"""Feature dashboards: top activating examples, token attributions, logits and names, written in one pass."""
