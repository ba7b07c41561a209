"""FIWARE NGSI-LD: lamps, cabinets and circuits as entities of Smart Data Models, and subscriptions to them."""
