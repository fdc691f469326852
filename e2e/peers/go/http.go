package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// serveHTTP answers every request with its method and target and prints them, for the smuggling vectors.
func serveHTTP() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	announce(listener)
	panic(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		size, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			size = -1
		}
		fmt.Fprintf(os.Stdout, "%s %s %d\n", r.Method, r.RequestURI, size)
		fmt.Fprintf(w, "%s %s", r.Method, r.RequestURI)
	})))
}
