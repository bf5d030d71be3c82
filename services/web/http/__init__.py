"""What every route needs: the server, errors, limits, addresses."""
