"""The program's version, and with which others it runs; the package and releases read it here."""

VERSION = "0.1.0"

#: The number that processes of one installation announce to each other: larger with every kind of
#: event, or word between processes, that earlier releases do not know.
SCHEMA = 1
#: The lowest number of a process that may run beside this one.
OLDEST = 1
