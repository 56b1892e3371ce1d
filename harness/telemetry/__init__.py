"""Live figures of a running trial: progress line, Prometheus, OTLP."""
