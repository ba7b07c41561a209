"""``terang-demo``: a whole city on one machine, in its night, with every process of Terang running for real."""
