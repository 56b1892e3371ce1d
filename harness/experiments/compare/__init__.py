"""Two sides of trials compared: change, interval, verdict. Pure: tables in, answers out."""
