"""The capacity lab: searches as pure state machines, and estimators of ceiling and rate."""
