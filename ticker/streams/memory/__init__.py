"""A log in the memory of one process: for tests, and for programs that need no file.

`async with open_log("memory:NAME")` creates it. Every reader and writer of that name in this
process shares it. It ends with the process, and nothing is deleted from it.
"""

from ticker.streams.memory.stream import MemoryLog, MemoryStream

__all__ = ["MemoryLog", "MemoryStream"]
