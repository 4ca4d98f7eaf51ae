"""Tour: one layer of any language model opened, its features named, and steering with them tried."""
