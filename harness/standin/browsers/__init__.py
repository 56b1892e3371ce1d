"""Headless Chromium behind the sessions: ``harness serve --browser /usr/bin/chromium``."""
