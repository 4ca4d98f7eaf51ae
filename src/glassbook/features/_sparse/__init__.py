"""Fast path of sparse autoencoders: selection, sparse decoding and their gradients (CSR, segment sums, Triton)."""
