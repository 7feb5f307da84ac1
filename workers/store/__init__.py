"""What Backchannel remembers, in SQL: every function takes an open connection and never commits.

`Database.write()` and `Database.read()` are the edges at which a transaction begins and ends.
"""
