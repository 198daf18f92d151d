package sdk

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestVariantsTreatTheCallsThatTheyMatch(t *testing.T) {
	reads := Treatment{Permissions: []string{"Things: Read"}}
	long := Treatment{Writes: true, Repeat: RepeatNative, KeyLifetime: 720 * time.Hour}
	harmless := Treatment{Writes: true, Repeat: RepeatIdempotent}
	own := Treatment{Writes: true, Repeat: RepeatNative, KeyLifetime: 24 * time.Hour, Permissions: []string{"Things: Write"}}
	action := ActionSpec{
		Writes: own.Writes, Repeat: own.Repeat, KeyLifetime: own.KeyLifetime, Permissions: own.Permissions,
		Variants: []Variant{
			{Param: "operationId", Pattern: "Get.*", Permissions: reads.Permissions},
			{Param: "operationId", Pattern: "(Post|Delete)V2.*", Writes: true, Repeat: RepeatNative, KeyLifetime: 720 * time.Hour},
			{Param: "operationId", Pattern: "Delete|Delete.+", Writes: true, Repeat: RepeatIdempotent},
			{Param: "other", Pattern: ".*", Permissions: reads.Permissions},
		},
	}
	for params, want := range map[string]Treatment{
		`{"operationId":"GetCustomers"}`:                      reads,
		`{"operationId":"\u0047etCustomers"}`:                 reads,
		`{"operationId":"PostV2Things"}`:                      long,
		`{"operationId":"DeleteV2Things"}`:                    long,
		`{"operationId":"DeleteCustomer"}`:                    harmless,
		`{"operationId":"PostCustomers"}`:                     own,
		"{\"operationId\":\"PostCustomers\\nGetCustomers\"}":  own,
		"{\"operationId\":\"GetCustomers\\nPostCustomers\"}":  own,
		`{"operationId":"ForGetCustomers"}`:                   own,
		`{"operationId":"getCustomers"}`:                      own,
		`{"operationId":["GetCustomers"]}`:                    own,
		`{"operationId":null}`:                                own,
		`{"params":{"operationId":"GetCustomers"}}`:           own,
		`{"OperationId":"GetCustomers"}`:                      own,
		`{}`:                                                  own,
		``:                                                    own,
		`[]`:                                                  own,
		`{"operationId":"PostCustomers","other":""}`:          reads,
		`{"operationId":"DeleteCustomer","other":"anything"}`: harmless,
	} {
		if diff := cmp.Diff(want, action.For(json.RawMessage(params))); diff != "" {
			t.Errorf("%s: %s", params, diff)
		}
	}
}

func TestAPatternThatCannotBeCompiledMakesNothingSafe(t *testing.T) {
	for _, pattern := range []string{"(", "a)|(b", `\1`} {
		action := ActionSpec{Variants: []Variant{{Param: "id", Pattern: pattern}}}
		if _, err := action.Treatments(); err == nil {
			t.Errorf("%s is taken", pattern)
		}
		if got := action.For(json.RawMessage(`{"id":"a"}`)); got.SafeToRepeat() || got.Keyed() {
			t.Errorf("%s: %+v", pattern, got)
		}
	}
}

func TestWhatMayNotBeInDevIsMatchedWhole(t *testing.T) {
	live := CredentialPattern{Field: "secretKey", Pattern: "(sk|rk)_live_.*"}
	for text, want := range map[string]bool{
		"sk_live_1": true, "rk_live_1": true, " sk_live_1\n": true, "\tsk_live_": true,
		"sk_test_1": false, "my_sk_live_1": false, "": false, "SK_LIVE_1": false,
	} {
		if live.Matches(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}
