"""The checks of `python -m agent doctor`, one module for each part of the product."""
