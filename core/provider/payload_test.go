package provider

import (
	"errors"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// TestABodyBecomesAPayloadByOneRule: JSON, forms, text, and anything else.
func TestABodyBecomesAPayloadByOneRule(t *testing.T) {
	t.Parallel()
	const boundary = "multipart/form-data; boundary=b"
	part := func(disposition, rest string) string {
		return "--b\r\nContent-Disposition: form-data; " + disposition + "\r\n" + rest + "\r\n"
	}
	for _, c := range []struct{ contentType, body, jsonField, want string }{
		{"application/json", `{"a":1.50}`, "", `{"a":1.50}`},
		{"application/cloudevents+json; charset=utf-8", `[1]`, "", `[1]`},
		{"APPLICATION/JSON", `null`, "", `null`},
		{"", `{"a":12345678901234567890}`, "", `{"a":12345678901234567890}`},
		{"application/x-unknown", `{"a":1}`, "", `{"a":1}`},
		{"nonsense; =", `{"a":1}`, "", `{"a":1}`},
		{"", "a=1", "", `{"base64":"YT0x","contentType":""}`},
		{"", "", "", `{"base64":"","contentType":""}`},
		{"text/plain", `{"a":1}`, "", `"{\"a\":1}"`},
		{"text/xml; charset=utf-8", "<a>ö</a>", "", `"<a>ö</a>"`},
		{"text/plain", "\xff", "", `{"base64":"/w==","contentType":"text/plain"}`},
		{"image/png", "\x89PNG", "", `{"base64":"iVBORw==","contentType":"image/png"}`},
		{formType, "a=1&b=x+y%26&a=2&c", "", `{"a":["1","2"],"b":"x y&","c":""}`},
		{formType, "", "", `{}`},
		{formType, "payload=%7B%22a%22%3A1%7D&x=1", "payload", `{"a":1}`},
		{formType, "payload=%7B%22a%22%3A1%7D", "", `{"payload":"{\"a\":1}"}`},
		{formType, "other=1", "payload", `{"other":"1"}`},
		{boundary, part(`name="a"`, "\r\n1") + part(`name="a"`, "\r\n2") + part(`name="f"; filename="x.bin"`, "Content-Type: image/png\r\n\r\n\xff") + "--b--\r\n", "",
			`{"a":["1","2"],"f":{"base64":"/w==","contentType":"image/png","name":"x.bin"}}`},
		{boundary, part(`name="f"; filename="1"`, "\r\na") + part(`name="f"`, "\r\ntext") + part(`name="f"; filename="2"`, "\r\nb") + "--b--\r\n", "",
			`{"f":["text",{"base64":"YQ==","contentType":"","name":"1"},{"base64":"Yg==","contentType":"","name":"2"}]}`},
	} {
		got, err := payloadOf(c.contentType, []byte(c.body), c.jsonField)
		if err != nil {
			t.Errorf("%s %q: %v", c.contentType, c.body, err)
			continue
		}
		want, err := value.Parse([]byte(c.want))
		if err != nil {
			t.Fatal(err)
		}
		if !value.Equal(got.Value(), want) {
			t.Errorf("%s %q: %s, want %s", c.contentType, c.body, got.Raw(), c.want)
		}
	}
	for _, c := range []struct{ contentType, body, jsonField, want string }{
		{"application/json", "{", "", "the body is not JSON"},
		{"application/json", `{"a":1,"a":2}`, "", "the body is not JSON"},
		{"application/json", "", "", "the body is not JSON"},
		{formType, "a=%zz", "", "the body is no form"},
		{formType, "a=%ff", "", "the form cannot be read"},
		{formType, "payload=x", "payload", "the field payload of the form is not JSON"},
		{boundary, part(`name="a"`, "\r\n1"), "", "the body is no multipart form"},
		{"multipart/form-data", "x", "", "the body is no multipart form"},
		{boundary, strings.Repeat(part(`name="a"`, "\r\n1"), maxParts+1) + "--b--\r\n", "", "of at most 1000 parts"},
	} {
		_, err := payloadOf(c.contentType, []byte(c.body), c.jsonField)
		if refusal := new(sdk.WebhookRefusal); !errors.As(err, &refusal) || !refusal.Genuine || !strings.Contains(refusal.Reason, c.want) {
			t.Errorf("%s %.60q: %v, want %s", c.contentType, c.body, err, c.want)
		}
	}
}

// FuzzPayload: every body is a payload that can be stored, or a refusal.
func FuzzPayload(f *testing.F) {
	for _, contentType := range []string{"", "application/json", "text/plain", formType, "multipart/form-data; boundary=b", "image/png"} {
		for _, body := range []string{"", `{"a":[1]}`, "a=1&a=2", "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nhi\r\n--b--\r\n", "\xff"} {
			f.Add(contentType, []byte(body), "payload")
		}
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte, field string) {
		payload, err := payloadOf(contentType, body, field)
		if err != nil {
			if refusal := new(sdk.WebhookRefusal); !errors.As(err, &refusal) || !refusal.Genuine {
				t.Fatal(err)
			}
			return
		}
		if err := value.Check(payload.Raw()); err != nil {
			t.Fatalf("%q: %s: %v", contentType, payload.Raw(), err)
		}
	})
}
