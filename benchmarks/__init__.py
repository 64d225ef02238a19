"""Quality and speed, measured: each module is one command that prints the tables of docs/results.md."""
