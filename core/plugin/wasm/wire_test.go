package wasm

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/abi"
)

// TestOlderSamplesHaveNoneBeforeThem: nesting without end is read in one step.
func TestOlderSamplesHaveNoneBeforeThem(t *testing.T) {
	nested := abi.Append(abi.Begin(nil, abi.OK), abi.Body, "innermost")
	for range 1000 {
		nested = abi.Append(abi.Append(abi.Begin(nil, abi.OK), abi.Body, "older"), abi.Before, nested)
	}
	frame, err := abi.Parse(nested)
	if err != nil {
		t.Fatal(err)
	}
	var got sdk.Sample
	if err := readSample(frame, &got); err != nil {
		t.Fatal(err)
	}
	none := map[string]string{}
	want := sdk.Sample{Headers: none, Body: []byte("older"), Before: []sdk.Sample{{Headers: none, Body: []byte("older")}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// FuzzGuestsFrames: whatever a guest sends is read or refused.
func FuzzGuestsFrames(f *testing.F) {
	older := abi.Append(abi.AppendPair(abi.Begin(nil, abi.OK), abi.Header, "Signature", ':', "s"), abi.Body, "{}")
	f.Add(abi.Append(abi.Append(abi.Begin(nil, abi.OK), abi.Body, "{}"), abi.Before, older))
	f.Add(abi.Append(abi.Begin(nil, abi.OK), abi.Before, "x"))
	f.Add(abi.Append(abi.AppendNumber(abi.Append(abi.Begin(nil, abi.OK), abi.EventID, "evt_1"), abi.Livemode, 1), abi.Flag, "livemode"))
	f.Add(abi.AppendNumber(abi.Append(abi.Begin(nil, abi.Refusal), abi.Reason, "no"), abi.Genuine, 1))
	f.Add(abi.Append(abi.Begin(nil, abi.OK), abi.Body, `{"name":"a","actions":[{"name":"b","variants":[{"param":"p","pattern":"("}]}],"notInDev":[{}]}`))
	f.Add(abi.Append(abi.Begin(nil, abi.Failure), abi.Error, `{"code":"declined"}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		frame, err := abi.Parse(data)
		if err != nil {
			return
		}
		_ = readSample(frame, &sdk.Sample{})
		_ = readEvent(frame, &sdk.WebhookEvent{})
		_ = readResult(frame, &sdk.Result{})
		_ = readManifest(frame, &sdk.Manifest{})
		_ = readError(frame)
	})
}
