"""Numbers of a trial: frames, distributions, timelines, the summary."""
