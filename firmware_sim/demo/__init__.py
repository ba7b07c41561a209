"""``terang-demo``: a simulated city at night on one machine, with every process of Terang."""
