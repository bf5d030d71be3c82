"""Numbers, dates, times and names as people say them."""
