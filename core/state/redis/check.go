package redis

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"github.com/backflow/backflow/core/state"
)

// What Redis may lose, from the least: nothing that was accepted, about two
// seconds, or anything.
const (
	always   = "always"
	everysec = "everysec"
	volatile = "volatile"
)

// The oldest Redis that has all commands used here (ZRANGE BYLEX REV).
const (
	minMajor = 6
	minMinor = 2
)

// unfitError says why a server or its contents cannot be used. Waiting does not
// help.
type unfitError struct{ reason string }

func (e *unfitError) Error() string { return e.reason }

func unfit(format string, args ...any) error {
	return &unfitError{fmt.Sprintf(format, args...)}
}

// check refuses a server on which accepted work would be lost or that cannot do
// what the store needs. It returns how durable the server is.
func check(ctx context.Context, client *goredis.Client, o Options) (string, error) {
	if err := client.Ping(ctx).Err(); err != nil {
		return "", err
	}
	info, err := readInfo(ctx, client)
	if err != nil {
		return "", err
	}
	if err := checkServer(info); err != nil {
		return "", err
	}
	if err := checkReplicas(info, o.MinReplicas); err != nil {
		return "", err
	}
	return durability(settings{
		config: func(name string) (string, error) { return readConfig(ctx, client, name) },
		info:   info,
	}, o)
}

// readInfo reads the server's INFO; empty where the account may not read it.
func readInfo(ctx context.Context, server interface {
	Info(ctx context.Context, sections ...string) *goredis.StringCmd
}) (map[string]string, error) {
	text, err := server.Info(ctx).Result()
	if err != nil {
		if refused(err) {
			return map[string]string{}, nil
		}
		return nil, err
	}
	info := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if name, value, found := strings.Cut(lines.Text(), ":"); found {
			info[name] = value
		}
	}
	return info, lines.Err()
}

// readConfig reads a setting; empty where the account may not read it.
func readConfig(ctx context.Context, client *goredis.Client, name string) (string, error) {
	values, err := client.ConfigGet(ctx, name).Result()
	if err != nil {
		if refused(err) {
			return "", nil
		}
		return "", err
	}
	return values[name], nil
}

// readLimits returns what the server takes in one commit: no argument of the script
// may be longer than its proto-max-bulk-len. Where the account may not read that,
// it counts as the default, which is wider than what any store takes.
func readLimits(ctx context.Context, client *goredis.Client) (state.Limits, error) {
	limits := state.DefaultLimits
	text, err := readConfig(ctx, client, "proto-max-bulk-len")
	if err != nil {
		return limits, err
	}
	if longest, err := strconv.Atoi(text); err == nil {
		limits.Value = min(limits.Value, longest)
	}
	return limits, nil
}

// refused reports whether the server does not permit a command.
func refused(err error) bool {
	var reply goredis.Error
	return errors.As(err, &reply) && (strings.HasPrefix(reply.Error(), "NOPERM") || strings.HasPrefix(reply.Error(), "ERR"))
}

func checkServer(info map[string]string) error {
	if info["redis_mode"] == "cluster" {
		return unfit("Redis Cluster is not supported: a commit is atomic over keys that a cluster keeps on different nodes; use one server with replicas")
	}
	if version := info["redis_version"]; version != "" {
		major, rest, _ := strings.Cut(version, ".")
		minor, _, _ := strings.Cut(rest, ".")
		a, err1 := strconv.Atoi(major)
		b, err2 := strconv.Atoi(minor)
		if err1 == nil && err2 == nil && (a < minMajor || a == minMajor && b < minMinor) {
			return unfit("the server is version %s, at least %d.%d is needed", version, minMajor, minMinor)
		}
	}
	if info["role"] == "slave" {
		return unfit("the server is a read-only replica; name the primary")
	}
	return nil
}

// checkReplicas finds out before the first commit that there are too few
// replicas; waiting may help. Where INFO does not say, commits will fail instead.
func checkReplicas(info map[string]string, least int) error {
	if least < 0 {
		return unfit("minReplicas %d is negative", least)
	}
	have, err := strconv.Atoi(info["connected_slaves"])
	if err == nil && have < least {
		return &replicasError{have: int64(have), want: least}
	}
	return nil
}

// settings reads the server's settings by CONFIG GET, else from INFO; empty
// where neither has them.
type settings struct {
	config func(name string) (string, error)
	info   map[string]string
}

func (s settings) read(config, info string) (string, error) {
	value, err := s.config(config)
	if err != nil || value != "" {
		return value, err
	}
	return s.info[info], nil
}

// durability checks the settings. What cannot be read must be declared.
func durability(s settings, o Options) (string, error) {
	switch o.Durability {
	case "", always, everysec:
	default:
		return "", unfit("durability %q is neither %q nor %q", o.Durability, always, everysec)
	}
	policy, err := s.read("maxmemory-policy", "maxmemory_policy")
	if err != nil {
		return "", err
	}
	aof, err := s.read("appendonly", "aof_enabled")
	if err != nil {
		return "", err
	}
	fsync, err := s.config("appendfsync")
	if err != nil {
		return "", err
	}
	var fault string
	switch {
	case policy != "" && policy != "noeviction":
		fault = fmt.Sprintf("maxmemory-policy is %s, so that Redis throws records away when memory is short; set it to noeviction", policy)
	case aof == "no" || aof == "0":
		fault = "appendonly is off, so that accepted work is lost when Redis ends; set appendonly yes and appendfsync always (or everysec)"
	case fsync == "no":
		fault = "appendfsync is no, so that accepted work of half a minute may be lost with the machine; set it to always or everysec"
	}
	switch {
	case fault != "" && o.AllowVolatile:
		return volatile, nil
	case fault != "":
		return "", unfit("%s, or allow it by allowVolatile", fault)
	case fsync != "":
		return fsync, nil
	case o.Durability != "":
		return o.Durability, nil
	case o.AllowVolatile:
		return volatile, nil
	}
	return "", unfit("the server does not tell its appendfsync; declare it as durability: always or everysec")
}
