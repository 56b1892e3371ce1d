"""What a trial says in numbers: frames, distributions, timelines, the summary."""
