#!/usr/bin/env python3
"""Runs Chromium so that it cannot open netlink sockets.

Through these Linux announces new network interfaces, and at each announcement Chromium aborts its requests with
net::ERR_NETWORK_CHANGED, those to loopback too. There is no switch against it:
https://github.com/microsoft/playwright-python/issues/1226. Without netlink it assumes a network that never changes
(AddressTrackerLinux::AbortAndForceOnline in Chromium's net/base/address_tracker_linux.cc).
"""

import ctypes
import errno
import os
import shutil
import socket
import struct
import sys

# Debian's package without the window, with which a test takes a third of the CPU; and the one that other systems have.
HEADLESS = "chromium-headless-shell"
PROGRAMS = (HEADLESS, "chromium")
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
# linux/audit.h's name of the architecture, and its number of the system call `socket`.
ARCHITECTURES = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
# linux/bpf_common.h and linux/seccomp.h: what instructions do, and where the numbers of a system call are.
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
ALLOW, FAIL = 0x7FFF0000, 0x00050000


def refuse_netlink(architecture: int, socket_call: int) -> None:
    """Let `socket(AF_NETLINK, ...)` fail in this process and in all that it starts."""
    instructions = [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_IF_EQUAL, 0, 5, architecture),  # if it is not equal, skip 5 instructions: allow
        (LOAD, 0, 0, NUMBER),
        (JUMP_IF_EQUAL, 0, 3, socket_call),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        (JUMP_IF_EQUAL, 0, 1, socket.AF_NETLINK),
        (RETURN, 0, 0, FAIL | errno.EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *fields) for fields in instructions))
    program = ctypes.create_string_buffer(struct.pack("HP", len(instructions), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    pointer = ctypes.c_void_p(ctypes.addressof(program))
    zero = ctypes.c_ulong(0)
    if prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), zero, zero, zero) or prctl(
        PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), pointer, zero, zero
    ):
        raise OSError(ctypes.get_errno(), "this system does not let a process limit its own system calls")


if __name__ == "__main__":
    if numbers := ARCHITECTURES.get(os.uname().machine):
        refuse_netlink(*numbers)
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    os.execv(program, [program, *sys.argv[1:]])
