package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// startRedis starts a redis-server with its data in dir, and answers its URL
// and what ends it.
func startRedis(ctx context.Context, dir, appendFsync string) (url string, stop func() error, err error) {
	address, err := freeAddress()
	if err != nil {
		return "", nil, err
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command("redis-server", "--bind", host, "--port", port, "--dir", dir, "--save", "",
		"--appendonly", "yes", "--appendfsync", appendFsync, "--loglevel", "warning")
	cmd.Stdout = os.Stderr
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() error {
		err := cmd.Process.Signal(os.Interrupt)
		if errors.Is(err, os.ErrProcessDone) {
			err = nil
		}
		return errors.Join(err, cmd.Wait())
	}
	client := goredis.NewClient(&goredis.Options{Addr: address})
	defer func() { err = errors.Join(err, client.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if err := client.Ping(ctx).Err(); err == nil {
			return "redis://" + address, stop, nil
		} else if ctx.Err() != nil {
			return "", nil, errors.Join(fmt.Errorf("redis-server did not start: %w", err), stop())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
