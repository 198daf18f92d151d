package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/sdktest"
)

// configured returns a plugin over a directory.
func configured(t *testing.T, dir string) sdk.Plugin {
	t.Helper()
	p := plugin()
	sdktest.Configure(t, p, settings{Directory: dir, Files: map[string][]string{"payments": {"id", "amount"}}})
	return p
}

func content(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "payments.csv"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestThePluginKeepsItsPromises(t *testing.T) {
	sdktest.Check(t, configured(t, t.TempDir()))
}

func TestARowIsThereOnceForEachKey(t *testing.T) {
	dir := t.TempDir()
	p := configured(t, dir)
	row := `{"file":"payments","row":{"id":"pi,\"1\"","amount":"10.50"}}`
	sdktest.Call(t, p, "append", row, sdktest.Key("a")).Is(`{"file":"payments","row":1}`)
	sdktest.Call(t, p, "append", row, sdktest.Key("b")).Is(`{"file":"payments","row":2}`)
	sdktest.Call(t, p, "append", row, sdktest.Key("a")).Is(`{"file":"payments","row":1}`)
	// Another process knows the keys too.
	sdktest.Call(t, configured(t, dir), "append", row, sdktest.Key("b")).Is(`{"file":"payments","row":2}`)
	sdktest.Call(t, p, "append", `{"file":"payments","row":{}}`, sdktest.Key("")).Is(`{"file":"payments","row":3}`)
	sdktest.Call(t, p, "append", `{"file":"payments","row":{}}`, sdktest.Key("")).Is(`{"file":"payments","row":4}`)
	want := "id,amount,backflow_key\n\"pi,\"\"1\"\"\",10.50,a\n\"pi,\"\"1\"\"\",10.50,b\n,,\n,,\n"
	if got := content(t, dir); got != want {
		t.Errorf("got %s", got)
	}
}

func TestHalfALineOfACrashIsCutOff(t *testing.T) {
	dir := t.TempDir()
	whole := "id,amount,backflow_key\npi_1,1,a\n"
	for _, torn := range []string{"id,amo", whole + "pi_2,2", whole + "\"pi_2", whole + "pi_2,2,b"} {
		if err := os.WriteFile(filepath.Join(dir, "payments.csv"), []byte(torn), 0o600); err != nil {
			t.Fatal(err)
		}
		sdktest.Call(t, configured(t, dir), "append", `{"file":"payments","row":{"id":"pi_2"}}`, sdktest.Key("b"))
		if got := content(t, dir); !strings.HasSuffix(got, "\npi_2,,b\n") || strings.Count(got, "pi_2") != 1 {
			t.Errorf("after %q: %q", torn, got)
		}
	}
}

func TestRowsOfManyProcessesAreAllThere(t *testing.T) {
	dir := t.TempDir()
	const processes, each = 4, 25
	var group sync.WaitGroup
	for i := range processes {
		p := configured(t, dir)
		group.Go(func() {
			for j := range each {
				// Each row is appended by two of them.
				key := fmt.Sprintf("%d-%d", i/2, j)
				sdktest.Call(t, p, "append", appendParams{File: "payments", Row: map[string]string{"id": key}}, sdktest.Key(key))
			}
		})
	}
	group.Wait()
	lines := strings.Split(strings.TrimSpace(content(t, dir)), "\n")
	if len(lines) != 1+processes/2*each {
		t.Errorf("%d lines", len(lines))
	}
}

func TestRowsAreReadPageByPage(t *testing.T) {
	p := configured(t, t.TempDir())
	sdktest.Call(t, p, "read", `{"file":"payments"}`).Is(`{"rows":[],"next":null}`)
	for _, id := range []string{"a", "b", "c"} {
		sdktest.Call(t, p, "append", appendParams{File: "payments", Row: map[string]string{"id": id}})
	}
	sdktest.Call(t, p, "read", `{"file":"payments","limit":2}`).Is(`{"rows":[{"id":"a","amount":""},{"id":"b","amount":""}],"next":2}`)
	sdktest.Call(t, p, "read", `{"file":"payments","after":2,"limit":2}`).Is(`{"rows":[{"id":"c","amount":""}],"next":null}`)
}

func TestWhatTheConfigDoesNotNameIsRefused(t *testing.T) {
	dir := t.TempDir()
	p := configured(t, dir)
	sdktest.Call(t, p, "append", `{"file":"../payments","row":{}}`).Fails(sdk.CodeNotFound)
	failure := sdktest.Call(t, p, "append", `{"file":"payments","row":{"a/b":"x"}}`).Fails(sdk.CodeInvalidParams)
	if len(failure.Faults) != 1 || failure.Faults[0].Pointer != "/row/a~1b" {
		t.Errorf("the faults are %v", failure.Faults)
	}
	sdktest.Call(t, p, "append", `{"file":"payments","row":{"id":"two\nlines"}}`).Fails(sdk.CodeInvalidParams)
	for _, bad := range []settings{
		{Directory: dir, Files: map[string][]string{"../x": {"id"}}},
		{Directory: dir, Files: map[string][]string{"x": {"id", "id"}}},
		{Directory: dir, Files: map[string][]string{"x": {"backflow_key"}}},
	} {
		if err := sdktest.ConfigureFails(t, plugin(), bad); err == nil {
			t.Errorf("%v is taken", bad)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "payments.csv"), []byte("other,columns,backflow_key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sdktest.Call(t, p, "append", `{"file":"payments","row":{}}`).Fails(sdk.CodeUnavailable)
	if err := os.Remove(filepath.Join(dir, "payments.csv")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "payments.csv")); err != nil {
		t.Fatal(err)
	}
	sdktest.Call(t, p, "read", `{"file":"payments"}`).Fails(sdk.CodeUnavailable)
}
