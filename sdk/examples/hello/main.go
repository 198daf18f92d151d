// Command backflow-plugin-hello is the smallest plugin: one action that greets.
//
//	go build -o bin/plugins/backflow-plugin-hello ./sdk/examples/hello
//
// It builds as a WASM module as well:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o bin/plugins/hello.wasm ./sdk/examples/hello
package main

import (
	"context"

	"github.com/backflow/backflow/sdk"
)

type greetParams struct {
	Name string `json:"name" description:"Who is greeted." minLength:"1"`
}

type greeting struct {
	Message string `json:"message"`
}

func greet(ctx context.Context, in greetParams) (greeting, error) {
	sdk.Logger(ctx).Info("greeting")
	return greeting{Message: "Hello, " + in.Name + "!"}, nil
}

func hello() sdk.Plugin {
	return sdk.New(sdk.Info{Name: "hello", Version: "1.0.0"},
		sdk.Action[greetParams, greeting]{
			Name:     "greet",
			HTTP:     sdk.POST("/greet"),
			Examples: []greetParams{{Name: "Ada"}},
			Do:       greet,
		},
	)
}

func main() { sdk.Serve(hello()) }
