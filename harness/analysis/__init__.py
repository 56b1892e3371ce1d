"""What a trial says in numbers: frames, spectra, timelines, the summary."""
