"""Rules of circuits, cabinets and controllers."""
