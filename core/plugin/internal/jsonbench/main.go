// Command backflow-plugin-jsonbench returns the total of an order, once by a typed
// action and once by encoding/json. It shows what JSON costs in a guest.
package main

import (
	"context"
	"encoding/json"

	"github.com/backflow/backflow/sdk"
)

type order struct {
	ID       string   `json:"id"`
	Customer string   `json:"customer"`
	Currency string   `json:"currency"`
	Lines    []line   `json:"lines"`
	Notes    []string `json:"notes"`
}

type line struct {
	Product  string `json:"product"`
	Quantity int64  `json:"quantity"`
	Amount   int64  `json:"amount"`
}

type total struct {
	ID       string `json:"id"`
	Customer string `json:"customer"`
	Currency string `json:"currency"`
	Lines    int    `json:"lines"`
	Amount   int64  `json:"amount"`
}

func sum(_ context.Context, in order) (total, error) {
	out := total{ID: in.ID, Customer: in.Customer, Currency: in.Currency, Lines: len(in.Lines)}
	for _, l := range in.Lines {
		out.Amount += l.Quantity * l.Amount
	}
	return out, nil
}

func sumByEncodingJSON(ctx context.Context, raw json.RawMessage) (json.RawMessage, error) {
	var in order
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	out, err := sum(ctx, in)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

func echo(_ context.Context, raw json.RawMessage) (json.RawMessage, error) { return raw, nil }

func main() {
	sdk.Serve(sdk.New(sdk.Info{Name: "jsonbench", Version: "1.0.0"},
		sdk.Action[order, total]{Name: "typed", Do: sum},
		sdk.Action[json.RawMessage, json.RawMessage]{Name: "encodingJson", Do: sumByEncodingJSON},
		sdk.Action[json.RawMessage, json.RawMessage]{Name: "echo", Do: echo},
	))
}
