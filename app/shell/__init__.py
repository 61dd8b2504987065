"""The server, the frame around the pages, and the root of the API."""
