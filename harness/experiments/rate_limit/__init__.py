"""The rate-limit lab: from designed experiments and their observations to a limiter model."""
