"""The control of what every other suite asks for in its end: a Holdfast that drops a buffer must tell of it."""

from programs import Holdfast, Programs, free_port


def run(report):
    with Programs(report) as programs:
        told = Holdfast(programs, "leaks", {"/nowhere": [free_port()]}, leaky=True).leaks()
        report.check("a buffer that an agent drops -> told", len(told) == 1, told)
