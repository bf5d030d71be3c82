"""What any route needs: the server, errors, limits, addresses."""
