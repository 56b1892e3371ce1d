"""An example plugin of opensteer-harness: a scenario and a check."""
