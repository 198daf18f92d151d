// Command backflow-plugin-ledger is an integration whose tables stand in a file: what a
// config makes of it can be checked.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/suggest"
)

type settings struct {
	// File holds the columns of each table.
	File string `json:"file"`
	Key  string `json:"key" secret:"true"`
	// Audit is a table that must be there.
	Audit string `json:"audit,omitempty"`
}

type insertParams struct {
	Table string                     `json:"table"`
	Data  map[string]json.RawMessage `json:"data"`
}

type call struct {
	Action string          `json:"action"`
	Params json.RawMessage `json:"params"`
}

type batchParams struct {
	Calls []call `json:"calls"`
}

type done struct {
	Done bool `json:"done"`
}

type ledger struct {
	settings
	base string
}

func (l *ledger) configure(ctx context.Context, s settings) error {
	config := sdk.ConfigFrom(ctx)
	l.settings, l.base = s, config.BaseDir
	if config.Inspect {
		return nil
	}
	return os.WriteFile(filepath.Join(config.BaseDir, "made"), nil, 0o600)
}

func (l *ledger) check(_ context.Context, uses []sdk.Use) ([]sdk.UseFault, error) {
	data, err := os.ReadFile(filepath.Join(l.base, l.File))
	if err != nil {
		return nil, sdk.Refuse(sdk.CodeUnavailable, "the ledger cannot be read with %s: %v", l.Key, err)
	}
	var tables map[string][]string
	if err := json.Unmarshal(data, &tables); err != nil {
		return nil, err
	}
	names := slices.Sorted(maps.Keys(tables))
	var faults []sdk.UseFault
	if l.Audit != "" && tables[l.Audit] == nil {
		faults = append(faults, sdk.UseFault{Use: sdk.OfCredentials, Pointer: "/audit", Message: fmt.Sprintf("there is no table %q", l.Audit)})
	}
	var look func(use int, at, action string, raw json.RawMessage, open []string) error
	look = func(use int, at, action string, raw json.RawMessage, open []string) error {
		if action == "batch" {
			var p batchParams
			if err := json.Unmarshal(raw, &p); err != nil {
				return err
			}
			for i, c := range p.Calls {
				if err := look(use, pointer.Join(at, "calls", strconv.Itoa(i), "params"), c.Action, c.Params, open); err != nil {
					return err
				}
			}
			return nil
		}
		var p struct {
			Table string
			Data  json.RawMessage
		}
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		if slices.Contains(open, pointer.Join(at, "table")) {
			return nil
		}
		columns, known := tables[p.Table]
		if !known {
			faults = append(faults, sdk.UseFault{Use: use, Pointer: pointer.Join(at, "table"), Message: fmt.Sprintf("there is no table %q (%s)", p.Table, suggest.Hint(p.Table, names))})
			return nil
		}
		if slices.Contains(open, pointer.Join(at, "data")) {
			return nil
		}
		var row map[string]json.RawMessage
		if err := json.Unmarshal(p.Data, &row); err != nil {
			return err
		}
		for _, column := range slices.Sorted(maps.Keys(row)) {
			if !slices.Contains(columns, column) {
				faults = append(faults, sdk.UseFault{Use: use, Pointer: pointer.Join(at, "data", column), Message: fmt.Sprintf("%s has no column %q", p.Table, column)})
			}
		}
		return nil
	}
	for i, use := range uses {
		if err := look(i, "", use.Action, use.Params, use.Open); err != nil {
			return nil, err
		}
	}
	return faults, nil
}

func main() {
	l := &ledger{}
	sdk.Serve(sdk.New(sdk.Info{Name: "ledger", Version: "1.0.0"},
		sdk.Credentials[settings]{Configure: l.configure},
		sdk.UseCheck{Do: l.check},
		sdk.Webhook{Verify: func(context.Context, sdk.WebhookRequest) (sdk.WebhookEvent, error) {
			return sdk.WebhookEvent{}, &sdk.WebhookRefusal{Reason: "it takes none"}
		}},
		sdk.Action[insertParams, done]{
			Name: "insert", Tables: "table", Writes: true, Repeat: sdk.RepeatTransactional,
			Do: func(context.Context, insertParams) (done, error) { return done{true}, nil },
		},
		sdk.Action[batchParams, done]{
			Name: "batch", Inner: "calls", ByName: true, Writes: true, Repeat: sdk.RepeatTransactional,
			Do: func(context.Context, batchParams) (done, error) { return done{true}, nil },
		},
	))
}
