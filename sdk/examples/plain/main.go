// Command backflow-plugin-plain is backflow-plugin-hello without typed actions: a
// type with the three methods of sdk.Plugin.
//
//	go build -o bin/plugins/backflow-plugin-plain ./sdk/examples/plain
//
// It builds as a WASM module as well:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o bin/plugins/plain.wasm ./sdk/examples/plain
package main

import (
	"context"
	"encoding/json"

	"github.com/backflow/backflow/sdk"
)

type plain struct{}

func (plain) Manifest() sdk.Manifest {
	return sdk.Manifest{Name: "plain", Version: "1.0.0", Actions: []sdk.ActionSpec{{
		Name:     "greet",
		Params:   json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"}},"required":["name"],"additionalProperties":false}`),
		HTTP:     sdk.POST("/greet"),
		Examples: []sdk.Example{{Params: json.RawMessage(`{"name":"Ada"}`)}},
	}}}
}

func (plain) Configure(context.Context, sdk.Config) error { return nil }

func (plain) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	if call.Action != "greet" {
		return sdk.Result{}, sdk.Refuse(sdk.CodeUnknownAction, "there is no action %q", call.Action)
	}
	var params struct{ Name string }
	if err := json.Unmarshal(call.Params, &params); err != nil {
		return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "%v", err)
	}
	sdk.Logger(ctx).Info("greeting")
	body, err := json.Marshal(map[string]string{"message": "Hello, " + params.Name + "!"})
	return sdk.Result{Body: body}, err
}

func main() { sdk.Serve(plain{}) }
