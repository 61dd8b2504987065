"""Jobs over the API: what may outlast a request."""
