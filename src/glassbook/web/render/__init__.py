"""From Markdown to safe HTML: rendering, live blocks, citations and wikilinks."""
