"""Evaluations: what is counted on the validation rows, and all that follows from it. NumPy only."""
