package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

var gorillaLibrary = library{accept: gorillaAccept, dial: gorillaDial}

type gorillaConn struct {
	*websocket.Conn
	negotiated string
	writing    sync.Mutex
	pongs      chan string
	ended      string
}

func gorillaAccept(w http.ResponseWriter, r *http.Request) (conn, error) {
	upgrader := websocket.Upgrader{Subprotocols: protocols, EnableCompression: true}
	if r.Header.Get("Sec-WebSocket-Extensions") == "" {
		// A frame ends where the buffer is full: this one holds a part of /frag, so that each part is a frame.
		upgrader.WriteBufferSize = len("part-0 ")
	}
	c, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return nil, err
	}
	return gorillaWrap(c, ""), nil
}

func gorillaDial(url string, offered []string, deflate bool) (conn, error) {
	dialer := websocket.Dialer{
		Subprotocols: offered, EnableCompression: deflate, TLSClientConfig: tlsConfig(), HandshakeTimeout: wait,
	}
	c, response, err := dialer.Dial(url, nil)
	if err != nil {
		return nil, err
	}
	return gorillaWrap(c, response.Header.Get("Sec-WebSocket-Extensions")), nil
}

func gorillaWrap(c *websocket.Conn, negotiated string) conn {
	wrapped := &gorillaConn{Conn: c, negotiated: negotiated, pongs: make(chan string, 8), ended: noCloseFrame}
	c.SetReadLimit(messageBytesMax)
	c.SetPongHandler(func(payload string) error {
		wrapped.pongs <- payload
		return nil
	})
	return wrapped
}

func (c *gorillaConn) protocol() string   { return c.Subprotocol() }
func (c *gorillaConn) extensions() string { return c.negotiated }
func (c *gorillaConn) end() string        { return c.ended }

func gorillaKind(text bool) int {
	if text {
		return websocket.TextMessage
	}
	return websocket.BinaryMessage
}

func (c *gorillaConn) send(text bool, data []byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.WriteMessage(gorillaKind(text), data)
}

// sendParts: the library ends a frame where its write buffer is full (a client's has 4 KiB), whatever the parts are.
func (c *gorillaConn) sendParts(text bool, parts [][]byte) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	w, err := c.NextWriter(gorillaKind(text))
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return w.Close()
}

func (c *gorillaConn) receive() (bool, []byte, error) {
	kind, data, err := c.ReadMessage()
	var closed *websocket.CloseError
	if errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure {
		c.ended = fmt.Sprintf("%d %s", closed.Code, closed.Text)
	}
	return kind == websocket.TextMessage, data, err
}

func (c *gorillaConn) ping(payload string, reading bool) (string, error) {
	if err := c.WriteControl(websocket.PingMessage, []byte(payload), time.Now().Add(wait)); err != nil {
		return "", err
	}
	if reading {
		// Pongs are handled while a message is read: the backend's answer to this one comes behind the pong.
		if _, err := ask(c, true, []byte("after the ping")); err != nil {
			return "", err
		}
	}
	select {
	case pong := <-c.pongs:
		return pong, nil
	case <-time.After(wait):
		return "", errors.New("no pong")
	}
}

func (c *gorillaConn) close(code int, reason string) error {
	return c.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, reason), time.Now().Add(wait))
}

func (c *gorillaConn) abort() {
	if tcp, ok := c.NetConn().(*net.TCPConn); ok && c.ended == noCloseFrame {
		_ = tcp.SetLinger(0)
	}
	_ = c.Close()
}
