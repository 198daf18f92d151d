package redis

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/redis/redistest"
)

func TestDurabilityIsJudgedOrMustBeDeclared(t *testing.T) {
	t.Parallel()
	readable := func(policy, aof, fsync string) settings {
		values := map[string]string{"maxmemory-policy": policy, "appendonly": aof, "appendfsync": fsync}
		return settings{config: func(name string) (string, error) { return values[name], nil }}
	}
	hidden := func(info map[string]string) settings {
		return settings{config: func(string) (string, error) { return "", nil }, info: info}
	}
	broken := settings{config: func(string) (string, error) { return "", errors.New("gone") }}
	for name, test := range map[string]struct {
		s     settings
		o     Options
		want  string
		fault string
	}{
		"always":               {s: readable("noeviction", "yes", "always"), want: "always"},
		"everysec":             {s: readable("noeviction", "yes", "everysec"), want: "everysec"},
		"read beats declared":  {s: readable("noeviction", "yes", "everysec"), o: Options{Durability: "always"}, want: "everysec"},
		"eviction":             {s: readable("allkeys-lru", "yes", "always"), fault: "maxmemory-policy is allkeys-lru"},
		"eviction of expiring": {s: readable("volatile-ttl", "yes", "always"), fault: "maxmemory-policy is volatile-ttl"},
		"no aof":               {s: readable("noeviction", "no", "always"), fault: "appendonly is off"},
		"no fsync":             {s: readable("noeviction", "yes", "no"), fault: "appendfsync is no"},
		"allowed":              {s: readable("allkeys-lru", "no", "no"), o: Options{AllowVolatile: true}, want: "volatile"},
		"allowed, needlessly":  {s: readable("noeviction", "yes", "always"), o: Options{AllowVolatile: true}, want: "always"},
		"hidden":               {s: hidden(nil), fault: "declare it as durability"},
		"hidden, declared":     {s: hidden(nil), o: Options{Durability: "everysec"}, want: "everysec"},
		"hidden, allowed":      {s: hidden(nil), o: Options{AllowVolatile: true}, want: "volatile"},
		"hidden, declared, and INFO tells of no aof": {
			s: hidden(map[string]string{"aof_enabled": "0"}), o: Options{Durability: "always"}, fault: "appendonly is off"},
		"hidden, declared, and INFO tells of eviction": {
			s: hidden(map[string]string{"maxmemory_policy": "allkeys-lfu"}), o: Options{Durability: "always"}, fault: "allkeys-lfu"},
		"declared nonsense": {s: hidden(nil), o: Options{Durability: "yes"}, fault: `durability "yes"`},
		"broken":            {s: broken, fault: "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := durability(test.s, test.o)
			if test.fault == "" && (err != nil || got != test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			if test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)) {
				t.Errorf("got %q, %v, want a fault: %s", got, err, test.fault)
			}
		})
	}
}

func TestUnfitServersAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		info map[string]string
		want string
	}{
		"cluster": {map[string]string{"redis_mode": "cluster", "redis_version": "7.2.0"}, "Redis Cluster is not supported"},
		"old":     {map[string]string{"redis_version": "6.0.16"}, "at least 6.2"},
		"older":   {map[string]string{"redis_version": "5.9.9"}, "at least 6.2"},
		"replica": {map[string]string{"redis_version": "7.0.0", "role": "slave"}, "replica"},
	} {
		if err := checkServer(test.info); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	for _, version := range []string{"6.2.0", "7.0.15", "8.4.0", "10.0.0", "", "odd"} {
		if err := checkServer(map[string]string{"redis_version": version, "redis_mode": "standalone", "role": "master"}); err != nil {
			t.Errorf("%s: %v", version, err)
		}
	}
}

func TestOpenChecksTheServer(t *testing.T) {
	t.Parallel()
	t.Run("cluster", func(t *testing.T) {
		server := redistest.Start(t, redistest.Options{AppendFsync: always, Args: []string{"--cluster-enabled", "yes"}})
		wantRefused(t, Options{URL: server.URL()}, "Redis Cluster is not supported")
	})
	t.Run("memoryOnly", func(t *testing.T) {
		server := redistest.Start(t, redistest.Options{})
		wantRefused(t, Options{URL: server.URL()}, "appendonly is off")
		s := open(t, Options{URL: server.URL(), AllowVolatile: true})
		if s.Durability() != volatile {
			t.Errorf("durability %q", s.Durability())
		}
	})
	t.Run("configHidden", func(t *testing.T) {
		server := redistest.Start(t, redistest.Options{AppendFsync: always, Args: []string{"--rename-command", "CONFIG", ""}})
		wantRefused(t, Options{URL: server.URL()}, "declare it as durability")
		s := open(t, Options{URL: server.URL(), Durability: always})
		if s.Durability() != always {
			t.Errorf("durability %q", s.Durability())
		}
	})
	t.Run("password", func(t *testing.T) {
		server := redistest.Start(t, redistest.Options{AppendFsync: always, Password: "s3cret"})
		s := open(t, Options{URL: server.URL() + "/3?prefix=other:"})
		if err := s.Commit(t.Context(), state.Put("r", "a", nil, 0)); err != nil {
			t.Error(err)
		}
		wantRefused(t, Options{URL: "redis://:wr0ng@" + server.Addr()}, "WRONGPASS", "wr0ng")
		client := server.Client()
		defer func() { _ = client.Close() }() // only read from
		if n, err := client.Exists(t.Context(), "other:format").Result(); err != nil || n != 0 {
			t.Errorf("the key is in database 0 instead of 3: %d, %v", n, err)
		}
	})
	t.Run("unixSocket", func(t *testing.T) {
		socket := filepath.Join(t.TempDir(), "r.sock")
		redistest.Start(t, redistest.Options{AppendFsync: always, Args: []string{"--unixsocket", socket}})
		s := open(t, Options{URL: (&url.URL{Scheme: "unix", Path: socket, RawQuery: "db=1"}).String()})
		if err := s.Commit(t.Context(), state.Put("r", "a", nil, 0)); err != nil {
			t.Error(err)
		}
	})
	t.Run("newerFormat", func(t *testing.T) {
		server := redistest.Start(t, redistest.Options{AppendFsync: always})
		client := server.Client()
		defer func() { _ = client.Close() }() // nothing of it matters any more
		for _, format := range []string{"2", "0", "x"} {
			if err := client.Set(t.Context(), DefaultPrefix+"format", format, 0).Err(); err != nil {
				t.Fatal(err)
			}
			wantRefused(t, Options{URL: server.URL()}, "format")
		}
	})
	t.Run("absent", func(t *testing.T) {
		wantRefused(t, Options{URL: "redis://:s3cret@127.0.0.1:1", RetryFor: time.Millisecond}, "127.0.0.1:1", "s3cret")
	})
}

func TestMalformedURLsAreRefusedWithoutTheirPassword(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"", "redis://:s3cret@host:port", "http://:s3cret@host", "redis://:s3cret@host/db", "redis://:s3cret@h%zz",
		"redis://:s3cret@host?max_retries=3", "redis://:s3cret@host?db=1", "rediss://:s3cret@host?skip_verify=true", "redis://:s3cret@host?ca=/x", "redis://:s3cret@host?master=m",
		"redis+sentinel://:s3cret@host", "redis+sentinel://:s3cret@host?master=m&master=n", "redis+sentinel://:s3cret@host?master=m&ca=/x",
		"unix+sentinel://:s3cret@/x?master=m", "redis+sentinel://:s3cret@host?master=m&sentinel=:26379", "://s3cret",
	} {
		wantRefused(t, Options{URL: bad, RetryFor: time.Millisecond}, "url", "s3cret")
	}
}

// wantRefused opens a store, which must fail with a text and without another.
func wantRefused(t *testing.T, o Options, want string, not ...string) {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err == nil {
		t.Errorf("opened, want: %s", want)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		return
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want: %s", err, want)
	}
	for _, secret := range not {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error shows %q: %v", secret, err)
		}
	}
}

func TestAValueLongerThanTheServerTakesIsRefusedAlone(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, redistest.Options{AppendFsync: always, Args: []string{"--proto-max-bulk-len", "1mb"}})
	s := open(t, Options{URL: server.URL()})
	longest := state.LimitsOf(s).Value
	if longest != 1<<20 {
		t.Fatalf("the limit of a value is %d", longest)
	}
	err := s.Commit(t.Context(), state.Put("r", "large", make([]byte, longest+1), 0))
	if refused, ok := errors.AsType[*state.RefusedError](err); !ok || refused.Index != 0 {
		t.Errorf("got %v, want op 0 to be refused", err)
	}
	if err := s.Commit(t.Context(), state.Put("r", "fits", make([]byte, longest), 0)); err != nil {
		t.Error(err)
	}
}
