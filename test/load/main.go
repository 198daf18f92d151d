// Command load measures the workflow of three steps, each an HTTP POST of 200
// bytes, started over HTTP and waited for, at several numbers of callers.
//
//	go run ./test/load                     # all of it, some minutes
//	go run ./test/load -stores sqlite -callers 64
//
// It measures three processes in turns, so that whatever else the machine does
// strikes them alike, and prints medians over the rounds:
//
//   - floor: the least that such a workflow costs (floor.go);
//   - gateway: the program itself, with the steps' API as a custom integration;
//   - plugin: the same, with the steps' API behind a plugin's process.
//
// A fourth, inprocess, is the gateway's server in a process of this program, of
// which a CPU profile can be taken (-subjects floor,inprocess -cpuprofile F).
//
// With -stores call it measures the path of one call instead (call.go), and with
// -stores receive or receive-redis-always how events of a webhook are received
// (receive.go).
//
// With -stored 1000000 it measures what that many ended runs in an SQLite store
// change: the load, lists, starts beside their removal, and memory (stored.go).
//
// Ratios to the floor count, not times: the load and the stub that the steps
// call run on the same machine. It also measures how long the program takes to
// be ready, and what it and its plugins hold in memory then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	stores   []string
	subjects []string
	callers  []int
	rounds   int
	length   time.Duration
	profile  string
	stored   int
}

func main() {
	if kind := os.Getenv(childEnv); kind != "" {
		exit(child(kind))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, o)
	}
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func parse(args []string) (options, error) {
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	stores := flags.String("stores", "start,call,receive,receive-redis-always,sqlite,redis-everysec,redis-always", "what to measure: the start, one call, received events, or runs on a store")
	subjects := flags.String("subjects", "floor,gateway,plugin", "beside the floor, which comes first")
	callers := flags.String("callers", "1,16,64", "numbers of callers")
	rounds := flags.Int("rounds", 3, "rounds, of which the median counts")
	length := flags.Duration("time", time.Second, "length of one point")
	profile := flags.String("cpuprofile", "", "what the files of CPU profiles of the floor and of the in-process gateway begin with")
	stored := flags.Int("stored", 0, "how many ended runs to store, to measure what they cost; nothing else is measured then (1000000: some minutes)")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	o := options{
		stores: strings.Split(*stores, ","), subjects: strings.Split(*subjects, ","),
		rounds: *rounds, length: *length, profile: *profile, stored: *stored,
	}
	for text := range strings.SplitSeq(*callers, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return o, fmt.Errorf("-callers: %q is not a number of callers", text)
		}
		o.callers = append(o.callers, n)
	}
	return o, nil
}

func run(ctx context.Context, o options) (err error) {
	dir, err := os.MkdirTemp("", "backflow-load-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	p, err := build(ctx, dir)
	if err != nil {
		return err
	}
	stubURL, s, stop, err := serveStub()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if o.stored > 0 {
		return measureStored(ctx, o, os.Stdout, dir, p, stubURL, newRunSender(s))
	}
	for _, store := range o.stores {
		own := filepath.Join(dir, store)
		if err := os.Mkdir(own, 0o700); err != nil {
			return err
		}
		switch store {
		case "start":
			err = measureStart(ctx, os.Stdout, p, own)
		case "receive":
			err = measureReceive(ctx, o, os.Stdout, store, "", own, p)
		case "receive-redis-always":
			err = measureReceive(ctx, o, os.Stdout, store, "always", own, p)
		case "call":
			err = measureCall(ctx, o, os.Stdout, own, p)
		default:
			err = measureStore(ctx, o, store, own, p, stubURL, newRunSender(s))
		}
		if errors.Is(err, errNoRedis) && os.Getenv("BACKFLOW_REQUIRE_SERVERS") != "1" {
			fmt.Printf("\nnot measured: %v\n", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("%s: %w", store, err)
		}
	}
	return nil
}

// build builds the program and the plugins from the present sources.
func build(ctx context.Context, dir string) (programs, error) {
	// Not "plugins": there the program would look by itself.
	p := programs{backflow: filepath.Join(dir, "backflow"), plugins: filepath.Join(dir, "poster")}
	for output, source := range map[string]string{
		p.backflow: "./cmd/backflow",
		filepath.Join(p.plugins, "backflow-plugin-poster"):        "./test/load/poster",
		filepath.Join(dir, "product", "backflow-plugin-stripe"):   "./plugins/stripe",
		filepath.Join(dir, "product", "backflow-plugin-database"): "./plugins/database",
	} {
		cmd := exec.CommandContext(ctx, "go", "build", "-o", output, source)
		if said, err := cmd.CombinedOutput(); err != nil {
			return p, fmt.Errorf("build %s: %w\n%s", source, err, said)
		}
	}
	return p, nil
}

// serveStub serves what the steps call.
func serveStub() (url string, s *stub, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, nil, err
	}
	s = &stub{}
	server := &http.Server{Handler: s}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }() // waited for by stop
	return "http://" + listener.Addr().String() + "/things", s, func() error {
		err := server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return err
	}, nil
}
