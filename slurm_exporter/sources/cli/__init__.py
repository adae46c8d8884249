"""Slurm through its commands: for clusters without native metrics, and for what those lack.

The path of the data: ``outputs`` runs a command for all endpoints that want it, a module of
``commands`` reads its text into ``records``, modules of ``families`` make families of records,
and ``catalogue`` says which endpoint needs which.  Neither side of the records knows the other.
"""
