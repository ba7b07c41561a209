"""Documents that leave the API: faults as JSON, GeoJSON, CSV and GPX, times and numbers. Pure."""
