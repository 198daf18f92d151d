package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// devDir is where `dev` keeps everything, in the working directory.
const devDir = ".backflow"

// devState is what `dev` keeps from one start to the next. The other commands find
// the gateway of the developer's machine in it.
type devState struct {
	// Address is the base URL, without a slash at its end.
	Address string `json:"address"`
	Token   string `json:"token"`
	// Config is the absolute path of the config file.
	Config   string       `json:"config"`
	Webhooks []devWebhook `json:"webhooks,omitempty"`
	// MadeSecrets are the webhook secrets that were made, by the webhook's name.
	MadeSecrets map[string]string `json:"madeSecrets,omitempty"`
}

type devWebhook struct {
	Name     string `json:"name"`
	Provider string `json:"provider"`
	Path     string `json:"path"`
	Secret   string `json:"secret"`
}

// makeDevDir makes the directory, for this user only and ignored by git.
func makeDevDir() (string, error) {
	dir, err := filepath.Abs(devDir)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o700); err != nil { // #nosec G302 -- a directory needs its x bit
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600)
}

func devStatePath(dir string) string { return filepath.Join(dir, "dev.json") }

// readDevState returns the state in a directory, an empty one where no file is.
func readDevState(dir string) (devState, error) {
	var s devState
	data, err := os.ReadFile(devStatePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(data, &s); err != nil {
		return s, fmt.Errorf("%s: %w (delete it to start afresh)", devStatePath(dir), err)
	}
	return s, nil
}

// write replaces the state whole: a crash leaves the old one or the new one.
func (s devState) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	next := devStatePath(dir) + ".next"
	if err := os.WriteFile(next, append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(next, devStatePath(dir))
}
