"""What `python -m agent doctor` checks, a module for each part of the product."""
