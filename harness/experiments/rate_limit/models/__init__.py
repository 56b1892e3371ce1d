"""Models of limiters, and the estimator of each."""
