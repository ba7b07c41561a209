"""Which worker serves which city."""
