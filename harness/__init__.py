"""Load-testing and reliability harness for the Opensteer Cloud API."""

__version__ = "0.2.0"
