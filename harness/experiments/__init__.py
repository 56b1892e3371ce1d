"""Labs: probe designs and estimators, pure."""
