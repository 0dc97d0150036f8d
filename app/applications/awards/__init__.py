"""Awards decided elsewhere: recorded by hand, with the file or with the scheme and base that they rest on."""
