package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// errNoRedis: there is no redis-server on this machine.
var errNoRedis = errors.New("redis-server is not on the PATH")

// startRedis starts a redis-server with its data in dir, and returns its URL
// and what ends it.
func startRedis(ctx context.Context, dir, appendFsync string) (url string, stop func() error, err error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "", nil, errNoRedis
	}
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
	log, err := os.Create(filepath.Join(dir, "redis.log"))
	if err != nil {
		return "", nil, err
	}
	cmd.Stdout = log
	if err := cmd.Start(); err != nil {
		return "", nil, errors.Join(err, log.Close())
	}
	stop = func() error {
		err := cmd.Process.Signal(os.Interrupt)
		if errors.Is(err, os.ErrProcessDone) {
			err = nil
		}
		return errors.Join(err, cmd.Wait(), log.Close())
	}
	client := goredis.NewClient(&goredis.Options{Addr: address})
	defer func() { err = errors.Join(err, client.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		if err := client.Ping(ctx).Err(); err == nil {
			return "redis://" + address, stop, nil
		} else if ctx.Err() != nil {
			said, _ := os.ReadFile(log.Name()) // for the message only
			return "", nil, errors.Join(fmt.Errorf("redis-server did not start: %w\n%s", err, said), stop())
		}
		time.Sleep(10 * time.Millisecond)
	}
}
