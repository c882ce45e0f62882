"""The `aassl` command line. It parses arguments and calls the code of the other packages."""
