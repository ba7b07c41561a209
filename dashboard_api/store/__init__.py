"""The city's database as the API sees it; the only part of the API that speaks SQL."""
