"""Backends for the smuggling vectors that answer with method and target and print them with the size of the body.
Usage: echo_app.py aiohttp|tornado|gunicorn."""

import json
import os
import socket
import sys


def announce(port):
    print(json.dumps({"port": port}), flush=True)


def seen(method, target, size):
    # One write, so that the lines of threads do not mix.
    os.write(1, f"{method} {target} {size}\n".encode())
    return f"{method} {target}".encode()


def serve_aiohttp():
    from aiohttp import web

    async def answer(request):
        try:
            size = len(await request.read())
        except Exception:
            size = -1
        return web.Response(body=seen(request.method, request.raw_path, size))

    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", answer)
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    announce(listener.getsockname()[1])
    web.run_app(app, sock=listener, print=None, handle_signals=True)


def serve_tornado():
    import asyncio

    from tornado import httpserver, netutil

    def answer(request):
        body = seen(request.method, request.uri, len(request.body))
        from tornado.httputil import HTTPHeaders, ResponseStartLine

        headers = HTTPHeaders({"Content-Length": str(len(body)), "Content-Type": "text/plain"})
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), headers)
        if request.method != "HEAD":
            request.connection.write(body)
        request.connection.finish()

    async def main():
        server = httpserver.HTTPServer(answer)
        listeners = netutil.bind_sockets(0, "127.0.0.1")
        server.add_sockets(listeners)
        announce(listeners[0].getsockname()[1])
        await asyncio.Event().wait()

    asyncio.run(main())


def application(environ, start_response):
    try:
        size = len(environ["wsgi.input"].read())
    except Exception:
        size = -1
    target = environ.get("RAW_URI") or environ["PATH_INFO"]
    body = seen(environ["REQUEST_METHOD"], target, size)
    start_response("200 OK", [("Content-Length", str(len(body))), ("Content-Type", "text/plain")])
    return [body]


def serve_gunicorn():
    from gunicorn.app.base import BaseApplication

    class Application(BaseApplication):
        def load_config(self):
            options = {
                "bind": [f"fd://{listener.fileno()}"],
                "worker_class": "gthread",
                "threads": 8,
                "keepalive": 5,
                "loglevel": "critical",
                "control_socket_disable": True,
            }
            for name, value in options.items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

        def load(self):
            return application

    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    os.set_inheritable(listener.fileno(), True)
    announce(listener.getsockname()[1])
    Application().run()


if __name__ == "__main__":
    {"aiohttp": serve_aiohttp, "tornado": serve_tornado, "gunicorn": serve_gunicorn}[sys.argv[1]]()
