// Command stripedouble serves the double of Stripe on the loopback interface
// until it gets a signal, so that it outlives the gateways that tests kill.
// The first line of its output is its address, such as http://127.0.0.1:4242.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/backflow/backflow/test/stripedouble"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	customers := flag.String("customers", "", "ids of customers that exist, parted by commas")
	flag.Parse()
	if err := run(*listen, *customers); err != nil {
		log.Fatal(err)
	}
}

func run(listen, customers string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var options stripedouble.Options
	if customers != "" {
		options.Customers = strings.Split(customers, ",")
	}
	double, err := stripedouble.New(options)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: double, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() }) // Serve returns why it ended
	fmt.Printf("http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
