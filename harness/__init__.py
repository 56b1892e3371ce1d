"""Load-testing and reliability harness for the Opensteer Cloud API."""

__version__ = "0.1.0"
