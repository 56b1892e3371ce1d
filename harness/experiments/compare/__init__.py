"""Compare two sides of trials: change, interval, verdict. Pure functions of tables."""
