"""Experiments on features: superposition, sparse coding, sparse autoencoders and their failures."""
