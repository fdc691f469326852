// What the Go peers have in common: the backend's commands and the client's checks. ../README.md has the contract.
package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	messageBytesMax = 64 << 20
	wait            = 30 * time.Second
	noCloseFrame    = "abnormal"
)

var protocols = []string{"chat.v2", "chat.v1"}

// conn is one connection of a library, as backend or as client.
type conn interface {
	protocol() string
	extensions() string
	send(text bool, data []byte) error
	// sendParts sends one message in as many frames as there are parts, or more.
	sendParts(text bool, parts [][]byte) error
	// receive returns the next message; after an error, end tells how the connection ended.
	receive() (text bool, data []byte, err error)
	end() string
	// ping is given the reading to do while it waits, if nobody reads.
	ping(payload string, reading bool) (string, error)
	close(code int, reason string) error
	abort()
}

type library struct {
	accept func(w http.ResponseWriter, r *http.Request) (conn, error)
	dial   func(url string, offered []string, deflate bool) (conn, error)
}

func main() {
	name, role := os.Args[1], os.Args[2]
	if name == "http" {
		serveHTTP()
		return
	}
	lib := map[string]library{"gorilla": gorillaLibrary, "coder": coderLibrary}[name]
	if role == "serve" {
		serve(lib)
	} else {
		check(name, lib, role, os.Args[3:])
	}
}

func announce(listener net.Listener) {
	fmt.Printf("{\"port\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
}

func serve(lib library) {
	var ends sync.Map
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	announce(listener)
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := lib.accept(w, r)
		if err != nil {
			return
		}
		for {
			text, data, err := c.receive()
			if err != nil {
				break
			}
			if text && bytes.HasPrefix(data, []byte("/")) {
				go command(c, string(data), r, &ends)
			} else if c.send(text, data) != nil {
				break
			}
		}
		ends.Store(r.URL.Query().Get("id"), c.end())
		c.abort()
	})))
}

func command(c conn, line string, r *http.Request, ends *sync.Map) {
	words := strings.SplitN(line, " ", 3)
	switch words[0] {
	case "/close":
		code, _ := strconv.Atoi(words[1])
		_ = c.close(code, words[2])
	case "/ping":
		payload, _ := c.ping("hold", false)
		_ = c.send(true, []byte("pong "+payload))
	case "/abort":
		c.abort()
	case "/closed":
		end, ok := ends.Load(words[1])
		if !ok {
			end = "none"
		}
		_ = c.send(true, []byte(end.(string)))
	case "/info":
		info, _ := json.Marshal(map[string]string{
			"protocol": c.protocol(),
			"offered":  r.Header.Get("Sec-WebSocket-Extensions"),
			"path":     regexp.MustCompile("id=[^&]*").ReplaceAllString(r.RequestURI, "id="),
		})
		_ = c.send(true, info)
	case "/frag":
		count, _ := strconv.Atoi(words[1])
		var parts [][]byte
		for i := 0; i < count; i++ {
			parts = append(parts, []byte(fmt.Sprintf("part-%d ", i)))
		}
		_ = c.sendParts(true, parts)
	}
}

func tlsConfig() *tls.Config {
	pool := x509.NewCertPool()
	if pem, err := os.ReadFile(os.Getenv("PEERS_CA")); err == nil {
		pool.AppendCertsFromPEM(pem)
	}
	return &tls.Config{RootCAs: pool}
}

// checks runs against one backend.
type checks struct {
	name string
	lib  library
	url  string
	ids  int
}

func (k *checks) target() (id, url string) {
	k.ids++
	id = fmt.Sprintf("%s-%d-%d", k.name, os.Getpid(), k.ids)
	return id, k.url + "?id=" + id + "&x=%20a"
}

func (k *checks) open(offered []string, deflate bool) (conn, error) {
	_, url := k.target()
	return k.lib.dial(url, offered, deflate)
}

func ask(c conn, text bool, data []byte) ([]byte, error) {
	// Beside the reading: a message larger than all buffers would otherwise stop both sides.
	sent := make(chan error, 1)
	go func() { sent <- c.send(text, data) }()
	_, answer, err := c.receive()
	return answer, errors.Join(err, <-sent)
}

func same(sent, got []byte) string {
	if bytes.Equal(sent, got) {
		return fmt.Sprintf("echo of %d", len(sent))
	}
	return fmt.Sprintf("other: %d of %d", len(got), len(sent))
}

func random(size int) []byte {
	data := make([]byte, size)
	_, _ = rand.Read(data)
	return data
}

func (k *checks) seen(id string) (string, error) {
	c, err := k.open(nil, false)
	if err != nil {
		return "", err
	}
	defer finish(c)
	for end := time.Now().Add(wait / 3); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		answer, err := ask(c, true, []byte("/closed "+id))
		if err != nil || string(answer) != "none" {
			return string(answer), err
		}
	}
	return "none", nil
}

// finish closes a connection and waits for the other's close frame.
func finish(c conn) {
	_ = c.close(1000, "")
	drain(c)
	c.abort()
}

func drain(c conn) {
	for {
		if _, _, err := c.receive(); err != nil {
			return
		}
	}
}

// with opens a connection, asks once and closes it.
func (k *checks) with(offered []string, deflate bool, use func(c conn) (string, error)) (string, error) {
	c, err := k.open(offered, deflate)
	if err != nil {
		return "", err
	}
	result, err := use(c)
	finish(c)
	return result, err
}

func (k *checks) info(offered []string) (string, error) {
	return k.with(offered, false, func(c conn) (string, error) {
		info, err := ask(c, true, []byte("/info"))
		return fmt.Sprintf("%s [%s] %s", c.protocol(), c.extensions(), info), err
	})
}

func (k *checks) large() (string, error) {
	return k.with(nil, false, func(c conn) (string, error) {
		var results []string
		for _, size := range []int{0, 125, 126, 65_535, 65_536, 1 << 20, 8 << 20} {
			data := random(size)
			answer, err := ask(c, false, data)
			if err != nil {
				return "", err
			}
			results = append(results, same(data, answer))
		}
		return strings.Join(results, ", "), nil
	})
}

func (k *checks) fragmented() (string, error) {
	return k.with(nil, false, func(c conn) (string, error) {
		parts := [][]byte{random(70_000), random(1), {}, random(300)}
		if err := c.sendParts(false, parts); err != nil {
			return "", err
		}
		_, answer, err := c.receive()
		return same(bytes.Join(parts, nil), answer), err
	})
}

func (k *checks) compressed() (string, error) {
	return k.with([]string{"chat.v1"}, true, func(c conn) (string, error) {
		info, err := ask(c, true, []byte("/info"))
		if err != nil {
			return "", err
		}
		results := []string{"[" + c.extensions() + "]", string(info)}
		text := bytes.Repeat([]byte("hold fast, whatever moves. "), 40_000)
		noise := []byte("noise " + base64.StdEncoding.EncodeToString(random(90_000))) // A slash in front would be a command.
		for _, message := range [][]byte{text, noise, text} {
			answer, err := ask(c, true, message)
			if err != nil {
				return "", err
			}
			results = append(results, same(message, answer))
		}
		return strings.Join(results, " "), nil
	})
}

func (k *checks) once(line string) (string, error) {
	return k.with(nil, false, func(c conn) (string, error) {
		answer, err := ask(c, true, []byte(line))
		return string(answer), err
	})
}

func (k *checks) ping() (string, error) {
	return k.with(nil, false, func(c conn) (string, error) {
		payload, err := c.ping("fast", true)
		return "pong " + payload, err
	})
}

// ending opens a connection, ends it and tells what both sides saw.
func (k *checks) ending(end func(c conn), tellOwn bool) (string, error) {
	id, url := k.target()
	c, err := k.lib.dial(url, nil, false)
	if err != nil {
		return "", err
	}
	if _, err := ask(c, true, []byte("before")); err != nil {
		return "", err
	}
	end(c)
	drain(c)
	c.abort() // Only the socket is left to close.
	seen, err := k.seen(id)
	if !tellOwn {
		return "server saw " + seen, err
	}
	return fmt.Sprintf("client saw %s, server saw %s", c.end(), seen), err
}

func (k *checks) all() (names []string, runs map[string]func() (string, error)) {
	runs = map[string]func() (string, error){}
	add := func(name string, run func() (string, error)) {
		names = append(names, name)
		runs[name] = run
	}
	add("handshake", func() (string, error) { return k.info([]string{"chat.v1", "chat.v2", "other"}) })
	add("no-protocol", func() (string, error) { return k.info(nil) })
	add("text", func() (string, error) { return k.once("hÖld fäst ✓ 𝄞") })
	add("large", k.large)
	add("fragmented", k.fragmented)
	add("server-fragmented", func() (string, error) { return k.once("/frag 5") })
	add("compressed", k.compressed)
	add("ping", k.ping)
	add("server-ping", func() (string, error) { return k.once("/ping") })
	add("abort", func() (string, error) { return k.ending(func(c conn) { c.abort() }, false) })
	add("server-abort", func() (string, error) {
		c, err := k.open(nil, false)
		if err != nil {
			return "", err
		}
		err = c.send(true, []byte("/abort"))
		drain(c)
		c.abort()
		return "client saw " + c.end(), err
	})
	for _, ending := range []struct {
		code   int
		reason string
	}{{1000, "bye"}, {1001, ""}, {3000, "reason of 3000 ✓"}} {
		code, reason := ending.code, ending.reason
		add(fmt.Sprintf("close-%d", code), func() (string, error) {
			return k.ending(func(c conn) { _ = c.close(code, reason) }, true)
		})
		add(fmt.Sprintf("server-close-%d", code), func() (string, error) {
			return k.ending(func(c conn) { _ = c.send(true, []byte(fmt.Sprintf("/close %d %s", code, reason))) }, true)
		})
	}
	return names, runs
}

// watch says something and tells what came until the end.
func (k *checks) watch() (string, error) {
	c, err := k.lib.dial(k.url, nil, false)
	if err != nil {
		return "", err
	}
	if err := c.send(true, []byte("hold")); err != nil {
		return "", err
	}
	count, size, sum := 0, 0, sha1.New()
	for {
		_, data, err := c.receive()
		if err != nil {
			break
		}
		count, size = count+1, size+len(data)
		sum.Write(data)
	}
	c.abort()
	return fmt.Sprintf("%d messages, %d bytes, sha1 %x, client saw %s", count, size, sum.Sum(nil), c.end()), nil
}

func check(name string, lib library, role string, targets []string) {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, spec := range targets {
		label, url, _ := strings.Cut(spec, "=")
		all := &checks{name: name, lib: lib, url: url}
		names, runs := all.all()
		if role != "client" {
			names, runs = []string{role}, map[string]func() (string, error){role: all.watch}
		}
		for _, check := range names {
			_ = out.Encode(map[string]string{"target": label, "check": check, "result": limited(runs[check])})
		}
	}
}

func limited(run func() (string, error)) string {
	done := make(chan string, 1)
	go func() {
		result, err := run()
		if err != nil {
			result = "error: " + err.Error()
		}
		done <- result
	}()
	select {
	case result := <-done:
		return result
	case <-time.After(wait):
		return "error: timeout"
	}
}
