"""The trial directory: the interface between measuring and saying."""
