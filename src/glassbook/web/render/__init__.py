"""Rendering of pages: Markdown to safe HTML, live blocks, citations, wikilinks and Vega-Lite charts."""
