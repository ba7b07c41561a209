"""The HTTP routes, one module per resource; they read parameters, ask the stores and shape answers."""
