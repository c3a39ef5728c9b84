"""The publisher's pages for people, and their login with a browser."""
