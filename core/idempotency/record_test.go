package idempotency

import (
	"bytes"
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var cmpRecord = cmp.Options{cmp.AllowUnexported(record{}), cmpopts.EquateEmpty()}

func sampleRecords() map[string]*record {
	fp := FingerprintOf("POST", "/a", "", nil)
	return map[string]*record{
		"pending": {Status: statusPending, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 2, ID: "r", Lease: "l", Attempt: 1},
		"free":    {Status: statusPending, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 2, ID: "r", Attempt: 3},
		"unknown": {Status: statusUnknown, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 2, ID: "r", Attempt: 1},
		"start":   {Status: statusRun, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 2, RunID: "run"},
		"done": {
			Status: statusDone, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 2, ID: "r", Attempt: 2, Code: 402,
			Header: http.Header{"Content-Type": {"application/problem+json"}}, body: []byte("{\"a\":\xff\x00}"),
		},
		"done without a body": {Status: statusDone, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 2, ID: "r", Attempt: 1, Code: 204},
	}
}

func TestRecordSurvivesItsEncoding(t *testing.T) {
	for name, rec := range sampleRecords() {
		t.Run(name, func(t *testing.T) {
			got, err := decodeRecord(rec.encode())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(rec, got, cmpRecord); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The format of version 1 is what stores out there hold: this test changes only
// together with the version.
func TestRecordFormatVersion1(t *testing.T) {
	head := `{"status":"done","fingerprint":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",` +
		`"createdAt":1,"expiresAt":86400001,"id":"ABC","attempt":1,"code":200,"header":{"Content-Type":["application/json"]}}`
	var fp Fingerprint
	for i := range fp {
		fp[i] = byte(i)
	}
	rec := &record{
		Status: statusDone, Fingerprint: fp, CreatedAt: 1, ExpiresAt: 86400001, ID: "ABC", Attempt: 1, Code: 200,
		Header: http.Header{"Content-Type": {"application/json"}}, body: []byte(`{"id":"pi_1"}`),
	}
	want := append([]byte{1, byte(len(head)&0x7f | 0x80), byte(len(head) >> 7)}, head...)
	want = append(want, `{"id":"pi_1"}`...)
	if got := rec.encode(); !bytes.Equal(got, want) {
		t.Errorf("encoded\n%q, want\n%q", got, want)
	}
	got, err := decodeRecord(want)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(rec, got, cmpRecord); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	good := sampleRecords()["done"].encode()
	newer := append([]byte{2}, good[1:]...)
	fp := `"fingerprint":"` + string(bytes.Repeat([]byte("0"), 64)) + `"`
	head := func(s string) []byte { return append([]byte{1, byte(len(s)&0x7f | 0x80), byte(len(s) >> 7)}, s...) }
	for name, b := range map[string][]byte{
		"empty":                {},
		"newer version":        newer,
		"cut short":            good[:20],
		"length only":          {1, 0x80},
		"huge length":          {1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
		"no JSON":              head("nonsense"),
		"something after JSON": head(`{"status":"start",` + fp + `,"createdAt":1,"expiresAt":2,"runId":"r"} {}`),
		"unknown status":       head(`{"status":"x",` + fp + `,"createdAt":1,"expiresAt":2,"id":"r","attempt":1}`),
		"short fingerprint":    head(`{"status":"start","fingerprint":"00","createdAt":1,"expiresAt":2,"runId":"r"}`),
		"no id":                head(`{"status":"pending",` + fp + `,"createdAt":1,"expiresAt":2,"attempt":1}`),
		"no run":               head(`{"status":"start",` + fp + `,"createdAt":1,"expiresAt":2}`),
		"no HTTP status":       head(`{"status":"done",` + fp + `,"createdAt":1,"expiresAt":2,"id":"r","attempt":1}`),
		"no life":              head(`{"status":"start",` + fp + `,"createdAt":2,"expiresAt":2,"runId":"r"}`),
		"body without answer":  append(head(`{"status":"start",`+fp+`,"createdAt":1,"expiresAt":2,"runId":"r"}`), 'x'),
	} {
		t.Run(name, func(t *testing.T) {
			if rec, err := decodeRecord(b); !errors.Is(err, ErrCorrupt) || rec != nil {
				t.Errorf("decodeRecord = %+v, %v; want ErrCorrupt", rec, err)
			}
		})
	}
}

func FuzzDecodeRecord(f *testing.F) {
	for _, rec := range sampleRecords() {
		f.Add(rec.encode())
	}
	f.Add([]byte{})
	f.Add([]byte{1, 2, '{', '}'})
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, err := decodeRecord(b)
		if err != nil {
			if rec != nil {
				t.Fatalf("a record beside the error %v", err)
			}
			return
		}
		again, err := decodeRecord(rec.encode())
		if err != nil {
			t.Fatalf("what was read cannot be read again: %v", err)
		}
		if diff := cmp.Diff(rec, again, cmpRecord); diff != "" {
			t.Fatal(diff)
		}
	})
}
