"""Runs a program on a terminal of its own, presses keys when it has shown certain texts, and prints all that it shows.

Arguments: the presses and the rows and columns as JSON, then the program and its arguments. Exits as the program does.
"""

import fcntl
import json
import os
import pty
import struct
import sys
import termios
import time

presses, (rows, columns) = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
shown = b""
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:  # the program is gone
        break
    if not data:
        break
    sys.stdout.buffer.write(data)
    shown += data
    while presses and presses[0]["after"].encode() in shown:
        press = presses.pop(0)
        time.sleep(press.get("pause", 0))
        os.write(terminal, press["key"].encode())
        shown = b""
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) % 256)
