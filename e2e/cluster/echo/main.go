// A backend for the stories: echoes WebSocket messages, answers other requests with its pod's name, both on one port.
package main

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

const (
	frameBytesMax = 1 << 20
	opClose       = 8
	opPing        = 9
	opPong        = 10
)

func main() {
	address := ":8080"
	if len(os.Args) > 1 {
		address = os.Args[1]
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ends
		os.Exit(0)
	}()
	name, _ := os.Hostname()
	log.Fatal(http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Sec-WebSocket-Key") != "" {
			tunnel(w, r)
			return
		}
		fmt.Fprintf(w, "%s\n", name)
	})))
}

func tunnel(w http.ResponseWriter, r *http.Request) {
	digest := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		log.Print(err)
		return
	}
	defer conn.Close()
	fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(digest[:]))
	for buffered.Flush() == nil {
		if !echoFrame(buffered) {
			buffered.Flush()
			return
		}
	}
}

// echoFrame reads a frame and writes it back; false after a close frame or when the client is gone.
func echoFrame(b *bufio.ReadWriter) bool {
	var head [2]byte
	if _, err := io.ReadFull(b, head[:]); err != nil {
		return false
	}
	length, op := uint64(head[1]&0x7f), head[0]&0x0f
	switch length {
	case 126:
		var wide [2]byte
		io.ReadFull(b, wide[:])
		length = uint64(binary.BigEndian.Uint16(wide[:]))
	case 127:
		var wide [8]byte
		io.ReadFull(b, wide[:])
		length = binary.BigEndian.Uint64(wide[:])
	}
	var mask [4]byte
	if length > frameBytesMax || head[1]&0x80 == 0 {
		return false
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(b, mask[:]); err != nil {
		return false
	}
	if _, err := io.ReadFull(b, payload); err != nil {
		return false
	}
	for i := range payload {
		payload[i] ^= mask[i&3]
	}
	first := head[0]
	if op == opPing {
		first = head[0]&0xf0 | opPong
	}
	if op == opPong {
		return true
	}
	b.WriteByte(first)
	switch {
	case length < 126:
		b.WriteByte(byte(length))
	case length < 1<<16:
		b.WriteByte(126)
		binary.Write(b, binary.BigEndian, uint16(length))
	default:
		b.WriteByte(127)
		binary.Write(b, binary.BigEndian, length)
	}
	b.Write(payload)
	return op != opClose
}
