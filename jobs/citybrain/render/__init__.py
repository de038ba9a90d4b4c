"""What is made from the contracts for other tools. Nothing here is written by hand a second time."""
