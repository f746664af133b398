"""What a user got wrong, said in one line: words of the command line, arguments, a full disk."""
