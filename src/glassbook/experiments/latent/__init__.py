"""Experiments on latent variables: autoencoders, variational autoencoders, generative adversarial networks."""
