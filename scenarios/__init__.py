"""Workloads: one Locust file each, also good under plain ``locust -f``."""
