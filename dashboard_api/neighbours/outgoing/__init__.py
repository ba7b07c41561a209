"""What is sent to other systems: only to hosts that the city lists, in bounded time, less often while it fails."""
