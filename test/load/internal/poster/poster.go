// Package poster is the integration of the load test: one action, which sends
// its params to a URL. It runs as a plugin's process.
package poster

import (
	"context"
	"encoding/json"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/test/load/internal/post"
)

// Plugin is the integration. Configure must be called before Execute.
type Plugin struct {
	client *post.Client
}

var _ sdk.Plugin = (*Plugin)(nil)

// Manifest describes the one action, "post".
func (*Plugin) Manifest() sdk.Manifest {
	return sdk.Manifest{
		Name:        "poster",
		Version:     "1.0.0",
		Credentials: json.RawMessage(`{"type":"object","required":["url"],"properties":{"url":{"type":"string"}},"additionalProperties":false}`),
		Actions: []sdk.ActionSpec{{
			Name:   "post",
			Writes: true,
			Repeat: sdk.RepeatNative,
			Params: json.RawMessage(`{"type":"object","required":["step","data"],"additionalProperties":false,"properties":{
				"step":{"type":"integer","minimum":1},"previous":{"type":"string"},"data":{"type":"string"}}}`),
		}},
	}
}

// Configure takes the URL.
func (p *Plugin) Configure(_ context.Context, config sdk.Config) error {
	var credentials struct{ URL string }
	if err := json.Unmarshal(config.Credentials, &credentials); err != nil {
		return err
	}
	p.client = post.NewClient(credentials.URL)
	return nil
}

// Execute sends the params.
func (p *Plugin) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	body, err := p.client.Post(ctx, call.IdempotencyKey, call.Params)
	if err != nil {
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: err.Error(), Retryable: true, Outcome: sdk.OutcomeUnknown}
	}
	return sdk.Result{Body: body}, nil
}
