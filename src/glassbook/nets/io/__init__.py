"""Model files: Hugging Face folders and hub ids, Llama weights, llama2.c, and our own checkpoints."""
