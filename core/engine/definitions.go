package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// definitions are the definitions that new runs start with, by id, and those
// that runs under way are pinned to, by hash.
type definitions struct {
	mu     sync.RWMutex // guards the fields below
	byID   map[string]*workflow.Definition
	byHash map[string]*workflow.Definition
}

// kept is the stored form of a definition.
type storedDefinition struct {
	Version    int             `json:"v"`
	Roots      []string        `json:"roots"`
	Definition json.RawMessage `json:"definition"`
}

const definitionVersion = 1

// SetDefinitions makes the definitions durable and starts new runs with them
// from then on. Runs under way keep those that they began with.
func (e *Engine) SetDefinitions(ctx context.Context, list []*workflow.Definition) error {
	byID := make(map[string]*workflow.Definition, len(list))
	byHash := make(map[string]*workflow.Definition, len(list))
	ops := []state.Op{e.lease.Fence()}
	for _, d := range list {
		data, err := json.Marshal(storedDefinition{Version: definitionVersion, Roots: d.Roots(), Definition: d.Raw})
		if err != nil {
			return fmt.Errorf("engine: definition %s: %w", d.ID, err)
		}
		ops = append(ops, state.Put(bucketDefinition, d.Hash, data, 0), state.Add(setWorkflows, d.ID))
		byID[d.ID], byHash[d.Hash] = d, d
	}
	if err := e.store.Commit(ctx, ops...); err != nil {
		return fmt.Errorf("engine: keep definitions: %w", err)
	}
	e.definitions.mu.Lock()
	defer e.definitions.mu.Unlock()
	e.definitions.byID, e.definitions.byHash = byID, byHash
	return nil
}

// current answers the definition that new runs of a workflow start with.
func (d *definitions) current(id string) (*workflow.Definition, bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	definition, ok := d.byID[id]
	return definition, ok
}

// pinned answers the definition that a run began with, from the store if need be.
func (e *Engine) pinned(ctx context.Context, hash string) (*workflow.Definition, error) {
	e.definitions.mu.RLock()
	definition, ok := e.definitions.byHash[hash]
	e.definitions.mu.RUnlock()
	if ok {
		return definition, nil
	}
	found, err := e.store.Get(ctx, state.Ref{Bucket: bucketDefinition, ID: hash})
	if err != nil {
		return nil, fmt.Errorf("engine: definition %s: %w", hash, err)
	}
	if found[0] == nil {
		return nil, fmt.Errorf("engine: definition %s is not in the store", hash)
	}
	var k storedDefinition
	if err := json.Unmarshal(found[0], &k); err != nil {
		return nil, fmt.Errorf("engine: definition %s: %w", hash, err)
	}
	if k.Version != definitionVersion {
		return nil, fmt.Errorf("engine: definition %s has format %d, this program reads %d", hash, k.Version, definitionVersion)
	}
	definition, err = workflow.Reparse(k.Definition, k.Roots)
	if err != nil {
		return nil, err
	}
	e.definitions.mu.Lock()
	defer e.definitions.mu.Unlock()
	if e.definitions.byHash == nil {
		e.definitions.byHash = make(map[string]*workflow.Definition)
	}
	e.definitions.byHash[hash] = definition
	return definition, nil
}

// Workflows lists the definitions that can be started with an input, by id.
func (e *Engine) Workflows() []Workflow {
	e.definitions.mu.RLock()
	defer e.definitions.mu.RUnlock()
	var list []Workflow
	for _, d := range e.definitions.byID {
		if !slices.Contains(d.Roots(), "input") {
			continue
		}
		w := Workflow{ID: d.ID, Name: d.Name, Input: d.InputSchema, Steps: describe(d.Steps), Definition: d.Raw}
		list = append(list, w)
	}
	slices.SortFunc(list, func(a, b Workflow) int {
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return list
}

// describe describes the steps of a block, with those in them.
func describe(b *workflow.Block) []WorkflowStep {
	if b == nil {
		return nil
	}
	var list []WorkflowStep
	for _, s := range b.Steps {
		step := WorkflowStep{ID: s.ID, Type: string(s.Type), Integration: s.Integration, Action: s.Action, Workflow: s.Workflow}
		for _, inner := range s.Inner() {
			step.Steps = append(step.Steps, describe(inner)...)
		}
		list = append(list, step)
	}
	return list
}
