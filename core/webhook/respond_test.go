package webhook

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// respondOf compiles the body of a response, as JSON; an empty text has no body.
func respondOf(t *testing.T, status int, typ, body string) (*Respond, error) {
	t.Helper()
	o := RespondOptions{Status: status, Type: typ, NoBody: body == ""}
	if body != "" {
		var err error
		if o.Body, err = value.Parse([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	return NewRespond(o)
}

func TestAResponseIsMadeOfWhatWasReceived(t *testing.T) {
	t.Parallel()
	scope := template.Docs{}
	for name, text := range map[string]string{
		"payload": `{"user":"a<b>&\"'\u0000","n":12345678901234567890,"list":[1,"x"],"xml":"</Say><Dial>1</Dial>"}`,
		"headers": `{"x-a":"h"}`, "query": `{"q":"1 & 2"}`,
	} {
		doc, err := value.ParseDoc([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		scope[name] = doc
	}
	for _, test := range []struct {
		typ, body string
		want      provider.Reply
	}{
		{"", "", provider.Reply{Status: 202}},
		{"", `"ok"`, provider.Reply{Status: 202, ContentType: "text/plain; charset=utf-8", Body: []byte("ok")}},
		{"", `"{{payload.n}}"`, provider.Reply{Status: 202, ContentType: "text/plain; charset=utf-8", Body: []byte("12345678901234567890")}},
		{"", `"Hi {{headers.X-A}}, {{query.q}}"`, provider.Reply{Status: 202, ContentType: "text/plain; charset=utf-8", Body: []byte("Hi h, 1 & 2")}},
		{"", `{}`, provider.Reply{Status: 202, ContentType: "application/json", Body: []byte("{}")}},
		{"", `{"text":"{{payload.xml}}","n":"{{payload.n}}"}`, provider.Reply{Status: 202, ContentType: "application/json", Body: []byte(`{"n":12345678901234567890,"text":"</Say><Dial>1</Dial>"}`)}},
		{"", `["{{payload.list}}",null]`, provider.Reply{Status: 202, ContentType: "application/json", Body: []byte(`[[1,"x"],null]`)}},
		{"application/json", `"{{payload.list}}"`, provider.Reply{Status: 202, ContentType: "application/json", Body: []byte(`[1,"x"]`)}},
		{"application/json", `"{\"ok\":true}"`, provider.Reply{Status: 202, ContentType: "application/json", Body: []byte(`{"ok":true}`)}},
		{"application/xml", `"<Response><Say to=\"{{payload.user}}\">{{payload.xml}} {{\"<\"}}</Say></Response>"`, provider.Reply{Status: 202, ContentType: "application/xml", Body: []byte("<Response><Say to=\"a&lt;b&gt;&amp;&#34;&#39;\ufffd\">&lt;/Say&gt;&lt;Dial&gt;1&lt;/Dial&gt; <</Say></Response>")}},
		{"text/xml; charset=utf-8", `"{{payload.xml}}"`, provider.Reply{Status: 202, ContentType: "text/xml; charset=utf-8", Body: []byte("&lt;/Say&gt;&lt;Dial&gt;1&lt;/Dial&gt;")}},
		{"application/x-www-form-urlencoded", `"a={{query.q}}&b=1"`, provider.Reply{Status: 202, ContentType: "application/x-www-form-urlencoded", Body: []byte("a=1+%26+2&b=1")}},
		{"text/csv", `"a;b"`, provider.Reply{Status: 202, ContentType: "text/csv", Body: []byte("a;b")}},
	} {
		r, err := respondOf(t, 202, test.typ, test.body)
		if err != nil {
			t.Errorf("%s %s: %v", test.typ, test.body, err)
			continue
		}
		got, err := r.reply(scope)
		if err != nil {
			t.Errorf("%s %s: %v", test.typ, test.body, err)
		} else if diff := cmp.Diff(test.want, *got); diff != "" {
			t.Errorf("%s %s: %s", test.typ, test.body, diff)
		}
	}
}

func TestAResponseThatCannotBeMeantIsAFault(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status          int
		typ, body, want string
	}{
		{404, "", "", "/status"}, {302, "", `"x"`, "/status"}, {100, "", "", "/status"}, {500, "", "", "/status"},
		{204, "", `"x"`, "/body"}, {205, "", `{}`, "/body"}, {200, "text/plain", "", "/type"},
		{200, "text/html", `"x"`, "/type"}, {200, "TEXT/HTML; charset=utf-8", `"x"`, "/type"}, {200, "application/xhtml+xml", `"<a/>"`, "/type"},
		{200, "image/svg+xml", `"<svg/>"`, "/type"}, {200, "text/javascript", `"x"`, "/type"}, {200, "application/ecmascript", `"x"`, "/type"},
		{200, "html", `"x"`, "/type"}, {200, "text/plain; charset=latin1", `"x"`, "/type"}, {200, "a\nb/c", `"x"`, "/type"},
		{200, "application/xml", `{"a":1}`, "/body"}, {200, "text/plain", `[1]`, "/body"},
		{200, "application/json", `"{\"a\":\"{{payload.a}}\"}"`, "/body"}, {200, "text/csv", `"{{payload.a}};b"`, "/body"},
		{200, "application/json", `"{\"a\":\"{{payload.a ?? \"}\"}}\"}"`, "/body"}, {200, "text/csv", `"{{payload.a ?? \"}\"}};b"`, "/body"},
		{200, "application/xml", `"<a><![CDATA[{{payload.a ?? \"{\"}}]]></a>"`, "/body"},
		{200, "application/xml", `"<{{payload.a}}/>"`, "/body"}, {200, "application/xml", `"<a {{payload.a}}=\"1\"/>"`, "/body"}, {200, "application/xml", `"<a b={{payload.a}}/>"`, "/body"},
		{200, "application/xml", `"<!--{{payload.a}}--><a/>"`, "/body"}, {200, "application/xml", `"<?x {{payload.a}}?><a/>"`, "/body"},
		{200, "application/xml", `"<a><![CDATA[{{payload.a}}]]></a>"`, "/body"}, {200, "application/xml", `"<!DOCTYPE {{payload.a}}><a/>"`, "/body"}, {200, "application/xml", `"<a"`, "/body"},
		{200, "", `{"a":"{{steps.a.result}}"}`, "/body/a"}, {200, "", `"{{event.id}}"`, "/body"}, {200, "", `"{{env.X}}"`, "/body"},
	} {
		_, err := respondOf(t, test.status, test.typ, test.body)
		var faults template.Faults
		if !errors.As(err, &faults) || faults[0].Pointer != test.want {
			t.Errorf("%d %q %s: %v, want a fault at %s", test.status, test.typ, test.body, err, test.want)
		}
	}
}

// TestTheResponseOfTheConfigStandsInPlaceOfTheProvidersOwn, as for Twilio, whose provider
// has instructions that do nothing; a challenge is the provider's alone.
func TestTheResponseOfTheConfigStandsInPlaceOfTheProvidersOwn(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	opt.Provider, _ = provider.Table{phone}.Lookup("phone", nil)
	opt.Secrets = []string{"phone-secret"}
	var err error
	if opt.Respond, err = respondOf(t, 200, "text/xml", `"<Response>{{payload.from ?? payload.none}}</Response>"`); err != nil {
		t.Fatal(err)
	}
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		"key=phone-secret&sid=CA1&from=555":     "<Response>555</Response>",
		"key=phone-secret&challenge=42&from=55": "42",
	} {
		got, err := receive(t, r, delivery{headers: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: []byte(body)})
		if err != nil || got.Reply == nil || string(got.Reply.Body) != want {
			t.Errorf("%s: %+v, %v, want %s", body, got, err, want)
		}
	}
	// One that cannot be made of the event leaves the provider's.
	if opt.Respond, err = respondOf(t, 200, "text/xml", `"<Response>{{payload.none}}</Response>"`); err != nil {
		t.Fatal(err)
	}
	if r, err = NewReceiver(opt); err != nil {
		t.Fatal(err)
	}
	got, err := receive(t, r, delivery{headers: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, body: []byte("key=phone-secret&sid=CA2&from=555")})
	if err != nil || got.Reply == nil || string(got.Reply.Body) != "<Response/>" {
		t.Errorf("the response cannot be made: %+v, %v", got, err)
	}
}

func TestTheSenderOfAStoredEventGetsTheResponseOfTheConfig(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	var err error
	if opt.Respond, err = respondOf(t, 201, "", `{"of":"{{payload.id}}","to":"{{query.to}}","big":"{{payload.big ?? \"\"}}"}`); err != nil {
		t.Fatal(err)
	}
	opt.Intake = h.intake(func(o *IntakeOptions) { o.Filter = FilterTypes([]string{"a"}) })
	opt.MaxBodyBytes = 1 << 20
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	send := func(d delivery, target string) (Receipt, error) {
		return r.Receive(t.Context(), Request{Method: "POST", Header: d.headers, Body: d.body, URL: target})
	}
	want := &provider.Reply{Status: 201, ContentType: "application/json", Body: []byte(`{"big":"","of":"evt_1","to":"x"}`)}
	for i, duplicate := range []bool{false, true} {
		got, err := send(h.send(secret, `{"id":"evt_1","type":"a"}`), "/webhooks/stripe?to=x")
		if err != nil || got.Duplicate != duplicate || !cmp.Equal(got.Reply, want) {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
	if got, err := send(h.send(secret, `{"id":"evt_2","type":"b"}`), "/webhooks/stripe?to=x"); err != nil || !got.Filtered || got.Reply == nil {
		t.Errorf("filtered: %+v, %v", got, err)
	}
	// A response that cannot be made is no reason to send the event again.
	for id, d := range map[string]delivery{
		"evt_3": h.send(secret, `{"id":"evt_3","type":"a"}`),
		"evt_4": h.send(secret, `{"id":"evt_4","type":"a","big":"`+strings.Repeat("x", maxRespond)+`"}`),
	} {
		target := "/webhooks/stripe"
		if id == "evt_4" {
			target += "?to=x"
		}
		if got, err := send(d, target); err != nil || got.Reply != nil || got.ID != id || got.RunID == "" {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
	if n := strings.Count(h.log.String(), `level=WARN msg="the response to a webhook event cannot be made, and that of a webhook without respond is sent"`); n != 2 {
		t.Errorf("it is logged %d times, want 2:\n%s", n, h.log.String())
	}
	h.startErr = errors.New("a bug")
	if got, err := send(h.send(secret, `{"id":"evt_5","type":"a"}`), "/?to=x"); err == nil || got.Reply != nil {
		t.Errorf("not stored: %+v, %v", got, err)
	}
	if got, err := send(h.send("whsec_wrong", `{"id":"evt_6","type":"a"}`), "/?to=x"); err == nil || got.Reply != nil {
		t.Errorf("not verified: %+v, %v", got, err)
	}
}

func TestWhatAProviderRepliesIsNeverAPage(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"text/plain": "text/plain", "application/json": "application/json", "text/xml": "text/xml",
		"text/html": plainText, "Text/HTML; charset=utf-8": plainText, "": plainText, "a\r\nX-Evil: 1": plainText, "image/svg+xml": plainText,
	} {
		if got := safeReply(&provider.Reply{ContentType: given, Body: []byte("x")}); got.ContentType != want || got.Status != 0 {
			t.Errorf("%q: %+v, want %s", given, got, want)
		}
	}
	if safeReply(nil) != nil {
		t.Error("no reply is one")
	}
}

func FuzzDataInAResponseIsText(f *testing.F) {
	f.Add("</a><b/>")
	f.Add("\" onload=\"x")
	f.Add("]]>&#0;")
	f.Fuzz(func(t *testing.T, data string) {
		r, err := NewRespond(RespondOptions{Status: 200, Type: "application/xml", Body: `<a b="{{payload.x}}">{{payload.x}}</a>`})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(map[string]string{"x": data})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := value.ParseDoc(payload)
		if err != nil {
			return
		}
		reply, err := r.reply(template.Docs{"payload": doc})
		if err != nil {
			return // it became too large
		}
		if body := string(reply.Body); checkXML(body) != nil && !placeholder.MatchString(data) || strings.Count(body, "<") != 2 || strings.Count(body, `"`) != 2 {
			t.Errorf("%q became %s", data, body)
		}
	})
}
