"""Live metrics of a running trial: progress line, Prometheus, OTLP."""
