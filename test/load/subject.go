package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// startLimit is how long a process may take to be ready.
const startLimit = 20 * time.Second

// subject is a process that is measured.
type subject struct {
	name    string
	url     string // of the server
	message message
	cmd     *exec.Cmd
	log     *os.File
	readyIn time.Duration // from exec to /readyz
}

// programs are the binaries that are measured.
type programs struct {
	backflow string
	plugins  string // directory
}

// startSelf starts this program as the floor or as the in-process gateway.
func startSelf(ctx context.Context, kind, dir string, m medium, stubURL, profile string) (*subject, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childEnv+"="+kind, listenEnv+"="+address, pathEnv+"="+m.path,
		redisEnv+"="+m.url, stubEnv+"="+stubURL, profileEnv+"="+profile)
	return start(ctx, kind, address, cmd, dir)
}

// startGateway starts the real program on a config in dir, under the name of a
// subject.
func startGateway(ctx context.Context, name string, p programs, dir string, config map[string]any) (*subject, error) {
	data, err := configText(config)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "config.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	return start(ctx, name, address, exec.Command(p.backflow, "serve", "-c", path, "--listen", address), dir)
}

// configText is the text of a config that lets the load in.
func configText(config map[string]any) ([]byte, error) {
	config["auth"] = map[string]any{"tokens": []any{map[string]any{"name": "load", "hash": tokenHash().String(), "scopes": []string{"*"}}}}
	return json.Marshal(config)
}

// customConfig is the config of a gateway that runs the load's workflow, whose
// steps call a custom integration.
func customConfig(m medium, stubURL string) map[string]any {
	return map[string]any{
		"customIntegrations": []any{map[string]any{
			"name": "poster", "baseUrl": stubURL,
			"actions": map[string]any{"post": map[string]any{
				"method": stepAction.Method, "path": stepAction.Path, "body": stepAction.Body, "params": stepAction.Params,
				"idempotencyHeader": stepAction.IdempotencyHeader,
			}},
		}},
		"state":     m.config(),
		"workflows": []any{json.RawMessage(definition)},
	}
}

// pluginConfig is customConfig with a plugin in place of the custom integration.
func pluginConfig(p programs, m medium, stubURL string) map[string]any {
	return map[string]any{
		"credentials": map[string]any{"poster": map[string]any{"url": stubURL}},
		"pluginDirs":  []string{p.plugins},
		"state":       m.config(),
		"workflows":   []any{json.RawMessage(definition)},
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// start starts a process and waits until it is ready. Its log goes to a file
// in dir.
func start(ctx context.Context, name, address string, cmd *exec.Cmd, dir string) (*subject, error) {
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	cmd.Stderr = log
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s := &subject{name: name, url: "http://" + address, cmd: cmd, log: log}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for !s.ready(ctx) {
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(log.Name()) // for the message only
			return nil, errors.Join(fmt.Errorf("%s did not become ready: %w\n%s", name, ctx.Err(), said), s.stop())
		case <-time.After(2 * time.Millisecond):
		}
	}
	s.readyIn = time.Since(began)
	return s, nil
}

func (s *subject) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/readyz", nil)
	if err != nil {
		return false
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	return response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// stop asks the process to end and waits until it has.
func (s *subject) stop() error {
	err := s.cmd.Process.Signal(syscall.SIGTERM)
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	if waitErr := s.cmd.Wait(); waitErr != nil {
		err = errors.Join(err, fmt.Errorf("%s: %w", s.name, waitErr))
	}
	return errors.Join(err, s.log.Close())
}
