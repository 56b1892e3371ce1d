"""Sentences, tables and pages of comparisons and trends."""
