"""Runs trials: the load process, its sidecars, the target, the trial directory."""
