"""Modules of `bench/compare` and the scripts beside it. Python 3.11, standard library only."""
