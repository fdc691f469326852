/*
 * wsfloor: the least that a relay of messages can spend. It knows no HTTP, no frames, no routes, no timeouts: it accepts, connects to
 * the one upstream, and from then on makes one recv and one send for whatever arrives, woken by level-triggered epoll. What it
 * costs is the kernel's part of a message, which nobody who copies through user space gets below; not a proxy to use.
 */
#include "common.h"

#define BUFSZ (64 * 1024)

struct side {
    int fd;
    struct side *other;
};

static int ep;
static uint8_t buffer[BUFSZ];

static struct side *watched(int fd) {
    struct side *s = calloc(1, sizeof *s);
    if (!s) die("out of memory");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    s->fd = fd;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};
    if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0) die("epoll_ctl: %s", strerror(errno));
    return s;
}

static int listen_at(int port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0) die("port %d: %s", port, strerror(errno));
    return fd;
}

static void pair(int client, int upstream_port) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)upstream_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) != 0) die("upstream: %s", strerror(errno));
    struct side *c = watched(client), *u = watched(fd);
    c->other = u;
    u->other = c;
}

/* Sockets block: a send that waits for a slow reader holds everybody up, which a measurement of short messages never does. */
static bool copy(struct side *s) {
    ssize_t n = recv(s->fd, buffer, sizeof buffer, 0);
    for (ssize_t sent = 0, w; sent < n; sent += w) {
        w = send(s->other->fd, buffer + sent, (size_t)(n - sent), MSG_NOSIGNAL);
        if (w <= 0) return false;
    }
    return n > 0;
}

/* The other side may have an event in the same batch: it is freed after the batch. */
static size_t bury(struct side *s, struct side **dead, size_t n) {
    if (s->fd < 0) return n;
    for (int i = 0; i < 2; i++, s = s->other) {
        close(s->fd);
        s->fd = -1;
        dead[n++] = s;
    }
    return n;
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage: wsfloor PORT UPSTREAM_PORT");
    raise_nofile();
    signal(SIGPIPE, SIG_IGN);
    ep = epoll_create1(0);
    int listener = listen_at(atoi(argv[1])), upstream_port = atoi(argv[2]);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    if (epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e) != 0) die("epoll_ctl: %s", strerror(errno));
    while (true) {
        struct side *dead[512];
        size_t buried = 0;
        int n = epoll_wait(ep, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct side *s = events[i].data.ptr;
            if (!s) {
                int client = accept(listener, NULL, NULL);
                if (client >= 0) pair(client, upstream_port);
            } else if (s->fd >= 0 && !copy(s)) {
                buried = bury(s, dead, buried);
            }
        }
        for (size_t i = 0; i < buried; i++) free(dead[i]);
    }
}
