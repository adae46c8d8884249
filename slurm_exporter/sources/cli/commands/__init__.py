"""What is asked of Slurm: a module for each command, from its text to records."""
