package main

import (
	"os"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/sdktest"
)

func TestHelloGreets(t *testing.T) {
	sdktest.Call(t, hello(), "greet", greetParams{Name: "Ada"}).Is(greeting{Message: "Hello, Ada!"}).Logs("greeting")
}

func TestHelloKeepsWhatPluginsPromise(t *testing.T) { sdktest.Check(t, hello()) }

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
