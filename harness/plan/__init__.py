"""Plan and target files, SLO grammar, arrivals, tolerances and trial ids. Pure."""
