"""Promises, one a module: frames of a trial in, findings out; ``registry`` knows them all."""
