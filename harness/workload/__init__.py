"""Generated request data: each body is a pure function of (seed, number)."""
