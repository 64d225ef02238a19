"""The views a report can hold, and how each is opened."""
