package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

var coderLibrary = library{accept: coderAccept, dial: coderDial}

type coderConn struct {
	*websocket.Conn
	negotiated string
	mutex      sync.Mutex
	ended      string
	closing    chan struct{} // Set when we began the close, closed when it is over.
}

func coderAccept(w http.ResponseWriter, r *http.Request) (conn, error) {
	c, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: protocols, CompressionMode: websocket.CompressionContextTakeover, InsecureSkipVerify: true,
	})
	if err != nil {
		return nil, err
	}
	return coderWrap(c, ""), nil
}

func coderDial(url string, offered []string, deflate bool) (conn, error) {
	mode := websocket.CompressionDisabled
	if deflate {
		mode = websocket.CompressionContextTakeover
	}
	c, response, err := websocket.Dial(context.Background(), url, &websocket.DialOptions{
		Subprotocols: offered, CompressionMode: mode,
		HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig()}},
	})
	if err != nil {
		return nil, err
	}
	return coderWrap(c, response.Header.Get("Sec-WebSocket-Extensions")), nil
}

func coderWrap(c *websocket.Conn, negotiated string) conn {
	c.SetReadLimit(messageBytesMax)
	return &coderConn{Conn: c, negotiated: negotiated, ended: noCloseFrame}
}

func (c *coderConn) protocol() string   { return c.Subprotocol() }
func (c *coderConn) extensions() string { return c.negotiated }

func (c *coderConn) end() string {
	c.mutex.Lock()
	closing := c.closing
	c.mutex.Unlock()
	if closing != nil {
		<-closing
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.ended
}

func coderKind(text bool) websocket.MessageType {
	if text {
		return websocket.MessageText
	}
	return websocket.MessageBinary
}

func (c *coderConn) send(text bool, data []byte) error {
	return c.Write(context.Background(), coderKind(text), data)
}

func (c *coderConn) sendParts(text bool, parts [][]byte) error {
	w, err := c.Writer(context.Background(), coderKind(text))
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

func (c *coderConn) receive() (bool, []byte, error) {
	kind, data, err := c.Read(context.Background())
	c.keepEnd(err)
	return kind == websocket.MessageText, data, err
}

func (c *coderConn) keepEnd(err error) {
	var closed websocket.CloseError
	if errors.As(err, &closed) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		if c.closing == nil {
			c.ended = fmt.Sprintf("%d %s", closed.Code, closed.Reason)
		}
	}
}

func (c *coderConn) ping(payload string, reading bool) (string, error) {
	// The payload is the library's own.
	if !reading {
		return payload, c.Ping(context.Background())
	}
	done := make(chan error, 1)
	go func() {
		err := c.Ping(context.Background())
		if err == nil {
			err = c.send(true, []byte("after the ping"))
		}
		done <- err
	}()
	_, _, err := c.receive()
	return payload, errors.Join(err, <-done)
}

// close waits for the other's close frame, unless another goroutine reads it; either way the code alone is kept.
func (c *coderConn) close(code int, reason string) error {
	over := make(chan struct{})
	c.mutex.Lock()
	c.closing = over
	c.mutex.Unlock()
	defer close(over)
	err := c.Conn.Close(websocket.StatusCode(code), reason)
	c.mutex.Lock()
	defer c.mutex.Unlock()
	var closed websocket.CloseError
	if err == nil {
		c.ended = fmt.Sprintf("%d ", code)
	} else if errors.As(err, &closed) {
		c.ended = fmt.Sprintf("%d ", closed.Code)
	}
	return err
}

func (c *coderConn) abort() { _ = c.CloseNow() }
