"""The commands of `python -m trainer`, by what they are for."""
