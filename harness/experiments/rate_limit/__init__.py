"""The rate-limit lab: probe designs in, observations out, a described limiter at the end."""
