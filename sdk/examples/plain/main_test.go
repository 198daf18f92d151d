package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

func TestPlainGreets(t *testing.T) {
	result, err := plain{}.Execute(t.Context(), sdk.Call{Action: "greet", Params: json.RawMessage(`{"name":"Ada"}`)})
	if err != nil || string(result.Body) != `{"message":"Hello, Ada!"}` {
		t.Errorf("got %s, %v", result.Body, err)
	}
}

func TestDocumentationShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(program), "package main")
	page, err := os.ReadFile("../../../docs/plugins/reference.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "```go\npackage main"+code+"```") {
		t.Error("docs/plugins/reference.md shows another program")
	}
}
