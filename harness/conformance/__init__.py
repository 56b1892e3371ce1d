"""The API's documented statements as named checks, to hold any implementation against."""
