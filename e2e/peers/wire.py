"""HTTP/1.1 as a byte recorder reads it: strict for requests, which Holdfast wrote, and plain for answers. Written from RFC
9112 and from nothing of the product."""

import dataclasses
import re

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"(" + TOKEN + rb") ([!-~\x80-\xff]+) HTTP/1\.1")
FIELD = re.compile(rb"(" + TOKEN + rb"):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: .*)?")
CHUNK_SIZE = re.compile(rb"([0-9a-fA-F]{1,16})(?:[ \t]*;.*)?")


class Malformed(Exception):
    """Not what the grammar allows; the rest of the stream means nothing."""


class Incomplete(Exception):
    """The stream ends inside a message."""


@dataclasses.dataclass
class Message:
    start: str
    fields: list
    body: bytes
    end: int  # the offset behind it
    complete: bool = True

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]

    @property
    def status(self):
        return int(self.start.split(" ")[1])

    def values(self, name):
        return [value for key, value in self.fields if key == name.lower()]


def head(data, at):
    """(start line, fields, offset behind the head)"""
    end = data.find(b"\r\n\r\n", at)
    if end < 0:
        raise Incomplete
    lines = bytes(data[at:end]).split(b"\r\n")
    fields = []
    for line in lines[1:]:
        field = FIELD.fullmatch(line)
        if not field:
            raise Malformed(f"field line {line!r}")
        fields.append((field[1].decode().lower(), field[2].decode("latin-1")))
    return lines[0], fields, end + 4


def sized(data, at, size):
    if len(data) < at + size:
        raise Incomplete
    return bytes(data[at : at + size]), at + size


def chunked(data, at):
    body = b""
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            raise Incomplete
        size = CHUNK_SIZE.fullmatch(bytes(data[at:end]))
        if not size:
            raise Malformed(f"chunk line {bytes(data[at:end])[:60]!r}")
        at = end + 2
        count = int(size[1], 16)
        if count == 0:
            break
        part, at = sized(data, at, count)
        body += part
        close, at = sized(data, at, 2)
        if close != b"\r\n":
            raise Malformed(f"chunk end {close!r}")
    while True:
        end = data.find(b"\r\n", at)
        if end < 0:
            raise Incomplete
        if end == at:
            return body, at + 2
        if not FIELD.fullmatch(bytes(data[at:end])):
            raise Malformed(f"trailer line {bytes(data[at:end])!r}")
        at = end + 2


def body_of(message_fields, data, at):
    lengths = [value for key, value in message_fields if key == "content-length"]
    codings = [value.lower() for key, value in message_fields if key == "transfer-encoding"]
    if codings and (lengths or codings != ["chunked"]) or len(lengths) > 1:
        raise Malformed(f"framing {lengths} {codings}")
    if codings:
        return chunked(data, at)
    if lengths:
        if not re.fullmatch("[0-9]{1,18}", lengths[0]):
            raise Malformed(f"Content-Length {lengths[0]!r}")
        return sized(data, at, int(lengths[0]))
    return None, at


def request(data, at):
    """The request at an offset. Incomplete carries what is known of it."""
    start, fields, behind = head(data, at)
    line = REQUEST_LINE.fullmatch(start)
    if not line:
        raise Malformed(f"request line {start!r}")
    if sum(key == "host" for key, _ in fields) != 1:
        raise Malformed("not one Host")
    message = Message(start.decode("latin-1"), fields, b"", behind)
    try:
        body, message.end = body_of(fields, data, behind)
        message.body = body or b""
    except Incomplete:
        message.complete = False
    return message


def response(data, at, method, ended):
    """The answer at an offset to a request of a method; interim answers are passed over."""
    while True:
        start, fields, behind = head(data, at)
        line = STATUS_LINE.fullmatch(start)
        if not line:
            raise Malformed(f"status line {start!r}")
        status = int(line[1])
        if status >= 200 or status == 101:
            break
        at = behind
    message = Message(f"HTTP {status}", fields, b"", behind)
    if method == "HEAD" or status in (204, 304):
        return message
    body, message.end = body_of(fields, data, behind)
    if body is None:
        if not ended:
            raise Incomplete
        body, message.end = bytes(data[behind:]), len(data)
    message.body = body
    return message
