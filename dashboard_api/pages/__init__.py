"""Pages for people: the built web page; further pages are modules here, with their routes in the route table."""
