"""``terang-city``: make, import and check a city's folder, and write the file of one cabinet's agent."""
