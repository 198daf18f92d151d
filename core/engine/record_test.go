package engine

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// TestRecordsAreEncodedAsTheirFieldsSay compares the encoder with that of
// encoding/json, and makes sure that it leaves out no field.
func TestRecordsAreEncodedAsTheirFieldsSay(t *testing.T) {
	at := time.Date(2026, 11, 23, 20, 0, 0, 123456789, time.UTC)
	full := runRecord{
		Version: 2, ID: "run", Workflow: `odd "name" <é>`, Definition: "hash", Status: workflow.RunFailed, Lease: "lease",
		Throttled: true, ConcurrencyKey: "w/1/k", Order: "w/order/k", Turn: turnHad, BlockFor: time.Hour, Parking: true, Lane: "w/lane/1/0/k", Due: true, Recoveries: 3, Revision: -4, Parent: &parent{ID: "p", Depth: 2}, MiB: 5,
		CreatedAt: at, StartedAt: at.Add(time.Second), FinishedAt: at.Add(time.Hour),
		Error:     &workflow.Failure{Origin: workflow.Origin{Step: "a"}, Err: &sdk.Error{Code: sdk.CodeDeclined, Message: "no\n", Details: json.RawMessage(`{"x":1}`)}},
		RequestID: "r-1",
		Waiting:   workflow.Waiting{For: workflow.WaitingForRetry, Until: at, Attempt: 2, MaxAttempts: 3, Failure: &workflow.Failure{Err: &sdk.Error{Code: sdk.CodeUpstream}}},
		StartedBy: Initiator{Token: `a "shop"`, Webhook: "w", Event: "e", Schedule: "s", Parent: "p"},
		RetriedBy: Initiator{Event: "e"}, RerunOf: "before", RerunAs: "after",
	}
	fields := reflect.ValueOf(full)
	for i := range fields.NumField() {
		if fields.Field(i).IsZero() {
			t.Errorf("field %s is not tried", fields.Type().Field(i).Name)
		}
	}
	for name, h := range map[string]runRecord{"full": full, "empty": {}, "queued": {Version: 2, ID: "r", Status: workflow.RunQueued, CreatedAt: at}} {
		var got, want any
		if err := json.Unmarshal(h.encode(), &got); err != nil {
			t.Errorf("%s: %v in %s", name, err, h.encode())
		}
		marshalled, err := json.Marshal(&h)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(marshalled, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %s, want %s", name, h.encode(), marshalled)
		}
	}
}
