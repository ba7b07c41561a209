"""TALQ 2.7.1: the part of a gateway by which a central management system finds lamps, reads them and dims them."""
