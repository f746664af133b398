"""The engine ahead of time: a console as a library with a C interface, without Python."""
