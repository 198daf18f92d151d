package sdktest

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/internal/shape"
)

// Configure hands credentials to a plugin as the gateway does: checked against the
// manifest's schema, with directories that the test has of its own. Credentials
// may be what params of Call may be; a test fails for those that are refused.
func Configure(t testing.TB, p sdk.Plugin, credentials any) {
	t.Helper()
	if err := configure(t, p, credentials); err != nil {
		t.Fatal(err)
	}
}

// ConfigureFails hands over credentials that the schema or the plugin refuses, and
// returns the reason. The test fails if they are taken.
func ConfigureFails(t testing.TB, p sdk.Plugin, credentials any) error {
	t.Helper()
	err := configure(t, p, credentials)
	if err == nil {
		t.Fatal("the credentials are taken")
	}
	return err
}

func configure(t testing.TB, p sdk.Plugin, credentials any) error {
	raw, err := encode(credentials, (*shape.Shape).AppendInput)
	if err != nil {
		return err
	}
	m, err := manifestOf(p)
	if err != nil {
		return err
	}
	schema := m.Credentials
	if len(schema) == 0 {
		schema = json.RawMessage(`{"type":"object","maxProperties":0}`)
	}
	faults, err := faultsOf(schema, raw)
	if err == nil && len(faults) > 0 {
		err = fmt.Errorf("the credentials do not match the schema: %s", described(faults))
	}
	if err != nil {
		return err
	}
	return guarded("Configure", func() error {
		return p.Configure(t.Context(), sdk.Config{Credentials: raw, BaseDir: t.TempDir(), DataDir: t.TempDir()})
	})
}
