"""The control of what every other suite asks for in its end: a Holdfast that drops a buffer must tell of it."""

from programs import Holdfast, Programs, free_ports

# The detector is told of a collection by a thread of its own, which a busy machine may keep waiting.
ASKED_MAX = 5


def run(report):
    with Programs(report) as programs:
        holdfast = Holdfast(programs, "leaks", {"/nowhere": free_ports(1)}, leaky=True)
        told = next(filter(None, (holdfast.leaks() for _ in range(ASKED_MAX))), [])
        report.check("a buffer that an agent drops -> told", len(told) == 1, told)
