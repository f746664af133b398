"""The web application: a server on this machine, and a page to mix on."""
