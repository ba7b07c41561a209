"""Pictures of what the model does, for the documentation; needs matplotlib (extra ``dev``)."""
