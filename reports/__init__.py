"""From a trial directory to what people and CI read: one model, many renderers."""
