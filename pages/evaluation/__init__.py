"""Evaluations in the browser: the matrix, the threshold and the curves of a run, epoch by epoch."""
