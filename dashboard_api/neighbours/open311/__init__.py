"""Open311 GeoReport v2 under ``/open311/v2``: faults and citizens' reports as service requests, in JSON and XML."""
