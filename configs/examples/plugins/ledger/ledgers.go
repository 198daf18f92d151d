package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// keyColumn is the last of each file. It holds the idempotency key of a row.
const keyColumn = "backflow_key"

// ledgers are the files that the config names, and no others.
type ledgers struct{ files map[string]*ledger }

func (l *ledgers) configure(ctx context.Context, s settings) error {
	directory := s.Directory
	if !filepath.IsAbs(directory) {
		directory = filepath.Join(sdk.ConfigFrom(ctx).BaseDir, directory)
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	// What is below the directory cannot be a link that leads out of it.
	root, err := os.OpenRoot(directory)
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	l.files = make(map[string]*ledger)
	for name, columns := range s.Files {
		if strings.ContainsAny(name, `./\`) || name == "" {
			return errors.Join(fmt.Errorf("files: %q is no name of a file", name), root.Close())
		}
		sorted := slices.Sorted(slices.Values(columns))
		if len(columns) == 0 || len(slices.Compact(sorted)) != len(columns) || slices.Contains(columns, keyColumn) {
			return errors.Join(fmt.Errorf("files: the columns of %q are none, or there twice, or called %s", name, keyColumn), root.Close())
		}
		l.files[name] = &ledger{root: root, name: name + ".csv", columns: columns, keys: make(map[string]int)}
	}
	return nil
}

func (l *ledgers) find(name string) (*ledger, error) {
	if ledger := l.files[name]; ledger != nil {
		return ledger, nil
	}
	return nil, sdk.Refuse(sdk.CodeNotFound, "the config names no file %q", name)
}
