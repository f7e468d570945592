"""Figures: data in, `go.Figure` out, nothing else."""
