"""Evaluates trials: findings, baselines, history."""
