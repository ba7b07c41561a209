"""Reports of citizens: taken by the page ``/lapor`` and by Open311, answered with what is known already."""
