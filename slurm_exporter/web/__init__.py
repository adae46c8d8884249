"""The right half of the house: answers clients from the store, never touches Slurm."""
