"""What stands before the WSGI application: it takes requests in whole, and only then has a thread answer."""
