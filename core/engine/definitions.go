package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// definitions keeps the definitions that new runs start with, by id, and those
// that unfinished runs are pinned to, by hash. It is safe for concurrent use.
type definitions struct {
	store state.Store
	lease Lease

	mu     sync.RWMutex // guards the fields below
	byID   map[string]*workflow.Definition
	byHash map[string]*workflow.Definition
}

// storedDefinition is the stored form of a definition.
type storedDefinition struct {
	Version int      `json:"v"`
	Roots   []string `json:"roots"`
	// Defaults are missing where they are the first.
	Defaults   workflow.Defaults `json:"defaults,omitempty"`
	Definition json.RawMessage   `json:"definition"`
}

const definitionVersion = 1

// set makes the definitions durable and has new runs start with them.
func (d *definitions) set(ctx context.Context, list []*workflow.Definition) error {
	byID := make(map[string]*workflow.Definition, len(list))
	byHash := make(map[string]*workflow.Definition, len(list))
	ops, size := []state.Op{d.lease.Fence()}, 0
	for i, definition := range list {
		data, err := json.Marshal(storedDefinition{Version: definitionVersion, Roots: definition.Roots(), Defaults: definition.Defaults, Definition: definition.Raw})
		if err != nil {
			return fmt.Errorf("engine: definition %s: %w", definition.ID, err)
		}
		ops = append(ops, state.Put(layout.BucketDefinition, definition.Hash, data, 0), state.Add(layout.SetWorkflows, definition.ID))
		byID[definition.ID], byHash[definition.Hash] = definition, definition
		// Those that are kept and not used do no harm: a commit need not have them all.
		if size += len(data); size < maxTurnBytes && i < len(list)-1 {
			continue
		}
		if err := d.store.Commit(ctx, ops...); err != nil {
			return fmt.Errorf("engine: keep definitions up to that of %s: %w", definition.ID, err)
		}
		ops, size = ops[:1], 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.byID, d.byHash = byID, byHash
	return nil
}

// current returns the definition that new runs of a workflow start with.
func (d *definitions) current(id string) (*workflow.Definition, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	definition, ok := d.byID[id]
	return definition, ok
}

// pinned returns the definition that a run began with, from the store if need be.
func (d *definitions) pinned(ctx context.Context, hash string) (*workflow.Definition, error) {
	d.mu.RLock()
	definition, ok := d.byHash[hash]
	d.mu.RUnlock()
	if ok {
		return definition, nil
	}
	found, err := d.store.Get(ctx, state.Ref{Bucket: layout.BucketDefinition, ID: hash})
	if err != nil {
		return nil, fmt.Errorf("engine: definition %s: %w", hash, err)
	}
	if found[0] == nil {
		return nil, fmt.Errorf("engine: definition %s is not in the store", hash)
	}
	var stored storedDefinition
	if err := json.Unmarshal(found[0], &stored); err != nil {
		return nil, fmt.Errorf("engine: definition %s: %w", hash, err)
	}
	if stored.Version != definitionVersion {
		return nil, fmt.Errorf("engine: definition %s has format %d, this program reads %d", hash, stored.Version, definitionVersion)
	}
	definition, err = workflow.Reparse(stored.Definition, stored.Roots, stored.Defaults)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byHash == nil {
		d.byHash = make(map[string]*workflow.Definition)
	}
	d.byHash[hash] = definition
	return definition, nil
}

// startable lists the definitions that can be started with an input, by id.
func (d *definitions) startable() []*workflow.Definition {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var list []*workflow.Definition
	for _, definition := range d.byID {
		if slices.Contains(definition.Roots(), "input") {
			list = append(list, definition)
		}
	}
	slices.SortFunc(list, func(a, b *workflow.Definition) int { return strings.Compare(a.ID, b.ID) })
	return list
}
