"""Experiments on language models: pre-training, what training data does and does not teach."""
