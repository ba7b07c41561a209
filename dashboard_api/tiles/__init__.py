"""Map tiles: places in spatial order, cut and thinned by tile, written as Mapbox Vector Tiles. Pure but the cache."""
