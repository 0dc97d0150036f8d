"""A program of its own that reads the files that people send: what is hostile in them ends it, and nothing else.

It imports the standard library and the libraries that read files alone, so that it starts in some milliseconds
(`app.core.writing.apart` starts it, and tells what comes).
"""
