"""What is said of a comparison: sentences, tables, a figure, a page."""
