"""What is told of Slurm: a module for each endpoint, from records to families."""
