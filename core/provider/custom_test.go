package provider

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// TestWhatACustomProviderCannotVerifySafelyIsRefusedBeforeItStarts, with the key that is
// wrong.
func TestWhatACustomProviderCannotVerifySafelyIsRefusedBeforeItStarts(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]CustomConfig{
		"header: it is missing":                                                  {},
		`algorithm: there is no algorithm "md5"`:                                 {Header: "X", Algorithm: "md5"},
		`encoding: there is no encoding "utf8"`:                                  {Header: "X", Encoding: "utf8"},
		"content: a placeholder is not closed":                                   {Header: "X", Content: "{{body"},
		"content: {{boddy}} is nothing that can be signed":                       {Header: "X", Content: "{{boddy}}"},
		"content: {{body.id}} is nothing that can be signed":                     {Header: "X", Content: "{{body.id}}"},
		"content: {{payload.id}} is nothing that can be signed":                  {Header: "X", Content: "{{body}}{{payload.id}}"},
		"content: it holds {{timestamp}}, and no header is named that has it":    {Header: "X", Content: "{{timestamp}}.{{body}}"},
		"content: it holds {{id}}, and no header is named that has it":           {Header: "X", Content: "{{id}}.{{body}}"},
		`content: "headers." names no header`:                                    {Header: "X", Content: "{{headers.}}{{body}}"},
		"content: it does not hold {{body}}: anybody could send another body":    {Header: "X", TimestampHeader: "T", Content: "{{timestamp}}"},
		"content: it does not hold {{body}}: anybody could send another body wi": {Header: "X", Content: "nothing of the request"},
	} {
		_, err := NewCustom(c)
		if wrong := new(ConfigError); !errors.As(err, &wrong) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", c, err, want)
		}
	}
	_, err := NewCustom(CustomConfig{Header: "X", Content: "{{boddy}}"})
	if wrong := new(ConfigError); !errors.As(err, &wrong) || wrong.Hint != `did you mean "body"?` {
		t.Errorf("%v: the hint is %q", err, wrong.Hint)
	}
}

// TestACustomProviderHasItsOwnTolerance, and verifies what it signs as a sample.
func TestACustomProviderHasItsOwnTolerance(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for _, c := range []CustomConfig{
		{Header: "X-Signature", TimestampHeader: "X-Time", IDHeader: "x-id", Content: "{{id}}{{timestamp}}{{body}}", Tolerance: time.Minute},
		{Header: "x-signature", TimestampHeader: "X-Signature", Prefix: "v1=", Content: "{{timestamp}}.{{headers.x-nonce}}.{{url}}.{{body}}", Algorithm: "sha512", Encoding: "base64", Tolerance: time.Minute},
	} {
		p, err := NewCustom(c)
		if err != nil {
			t.Fatal(err)
		}
		made, err := p.Sample(t.Context(), sdk.SampleRequest{EventType: "test", Secret: "hush", Now: now, URL: sampleURL})
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string][]string{}
		for name, text := range made.Headers {
			headers[name] = []string{text}
		}
		for age, accepted := range map[time.Duration]bool{
			0: true, time.Minute: true, -time.Minute: true, time.Minute + 999*time.Millisecond: true, 61 * time.Second: false, -61 * time.Second: false,
		} {
			got, err := p.Verify(t.Context(), sdk.WebhookRequest{
				Headers: headers, Body: made.Body, URL: sampleURL, Secrets: []string{"hush"}, Now: now.Add(age), Tolerance: time.Hour,
			})
			if (err == nil) != accepted || accepted && (got.Type != "test" || got.ID == "") {
				t.Errorf("%+v, %s old: %+v, %v", c, age, got, err)
			}
		}
	}
	p, err := NewCustom(CustomConfig{Header: "X"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Sample(t.Context(), sdk.SampleRequest{EventType: "test", Secret: standardPublicKey + "x"}); err == nil || !strings.Contains(err.Error(), "public key") {
		t.Errorf("a sample with a public key: %v", err)
	}
}

// FuzzCustomContent: what a content is signed as, is either refused, or makes a sample
// that is accepted, and that is not with another body.
func FuzzCustomContent(f *testing.F) {
	for _, content := range []string{"", "{{body}}", "{{timestamp}}.{{body}}", "v1:{{id}}:{{headers.x-nonce}}:{{url}}:{{body}}", "{{ body }}{{", "{{headers[\"x\"]}}{{body}}", "}}{{body}}{{}}"} {
		f.Add(content, "t=", []byte("{}"))
	}
	f.Fuzz(func(t *testing.T, content, prefix string, body []byte) {
		p, err := NewCustom(CustomConfig{Header: "X-Signature", Prefix: prefix, TimestampHeader: "X-Time", IDHeader: "X-Id", Content: content})
		if err != nil {
			if wrong := new(ConfigError); !errors.As(err, &wrong) {
				t.Fatal(err)
			}
			return
		}
		now := time.Unix(1795428000, 0)
		made, err := p.Sample(t.Context(), sdk.SampleRequest{EventType: "test", Secret: "hush", Now: now, URL: sampleURL})
		if err != nil {
			t.Fatal(err)
		}
		headers := map[string][]string{}
		for name, text := range made.Headers {
			headers[name] = []string{text}
		}
		r := sdk.WebhookRequest{Headers: headers, Body: made.Body, URL: sampleURL, Secrets: []string{"hush"}, Now: now, Tolerance: time.Minute}
		_, err = p.Verify(t.Context(), r)
		if err != nil && strings.Trim(prefix, " \t,;") == prefix {
			t.Fatalf("content %q, prefix %q: %v", content, prefix, err)
		}
		r.Body = body
		if string(body) != string(made.Body) {
			if got, err := p.Verify(t.Context(), r); err == nil {
				t.Fatalf("content %q: another body is event %q", content, got.ID)
			}
		}
	})
}
