"""Pages of Markdown with front matter, the links between them, and the references that they cite."""
