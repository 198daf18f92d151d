// Command fetcher is a guest that makes the HTTP requests in its params. It is not
// part of the fixture because net/http makes a guest three times as large.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/httpclient"
)

type fetcher struct{}

func (fetcher) Manifest() sdk.Manifest {
	return sdk.Manifest{Name: "fetcher", Version: "1.0.0", Actions: []sdk.ActionSpec{{
		Name: "fetch", Params: json.RawMessage(`{"type":"object"}`),
	}}}
}

func (fetcher) Configure(context.Context, sdk.Config) error { return nil }

func (fetcher) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	var p struct{ Method, URL, Body string }
	if err := json.Unmarshal(call.Params, &p); err != nil {
		return sdk.Result{}, err
	}
	request, err := http.NewRequestWithContext(ctx, p.Method, p.URL, strings.NewReader(p.Body))
	if err != nil {
		return sdk.Result{}, err
	}
	request.Header.Set("X-Fetcher", "yes")
	response, err := httpclient.New(0).Do(request)
	if err != nil {
		return sdk.Result{}, err
	}
	content, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return sdk.Result{}, err
	}
	body, err := json.Marshal(map[string]any{
		"status": response.StatusCode, "type": response.Header.Get("Content-Type"), "body": string(content),
	})
	return sdk.Result{Body: body}, err
}

func main() { sdk.Serve(fetcher{}) }
