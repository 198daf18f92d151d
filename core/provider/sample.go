package provider

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// sampleFiles have a sample of each type of event that a provider makes events of:
// samples/NAME.json.
//
//go:embed samples/*.json
var sampleFiles embed.FS

// samples are those of one provider, in the order in which they are proposed.
type samples []sample

// sample is an event as its sender's pages show it. In its texts $ID stands for an id,
// $UUID for one in the form of RFC 9562, and $TIME, $SECONDS and $MILLISECONDS for the
// present; a text that is nothing but one of the last two becomes a number.
type sample struct {
	Type string `json:"type"`
	// Headers are those that say what the event is.
	Headers map[string]string `json:"headers"`
	// Body is the body as JSON, Form that of a form; JSON of a member that is no string is
	// the text of its field.
	Body json.RawMessage            `json:"body"`
	Form map[string]json.RawMessage `json:"form"`
}

// samplesOf reads the samples of a provider. They are part of the program.
func samplesOf(name string) samples {
	data, err := sampleFiles.ReadFile("samples/" + name + ".json")
	var all samples
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		panic(fmt.Sprintf("provider %s: its samples: %v", name, err)) // seen by every test
	}
	return all
}

func (s samples) types() []string {
	types := make([]string, len(s))
	for i, sample := range s {
		types[i] = sample.Type
	}
	return types
}

// unsigned makes the request of a sample that is still to be signed: its headers by
// canonical names, and its body. Errors are *sdk.Error.
func (s samples) unsigned(provider string, request sdk.SampleRequest) (sdk.Sample, error) {
	i := slices.IndexFunc(s, func(sample sample) bool { return sample.Type == request.EventType })
	if i < 0 {
		return sdk.Sample{}, sdk.Refuse(sdk.CodeNotFound, "%s has no sample of %q%s",
			provider, request.EventType, hint(suggest.Hint(request.EventType, s.types())))
	}
	chosen := s[i]
	made := sdk.Sample{Headers: map[string]string{"Content-Type": "application/json"}}
	fill := filler(request.Now)
	for name, text := range chosen.Headers {
		made.Headers[name] = fill(text)
	}
	if chosen.Form == nil {
		body, err := set(fill(string(chosen.Body)), request.Set)
		made.Body = body
		return made, err
	}
	form, inside := url.Values{}, map[string]map[string]string{}
	for path, text := range request.Set { // a path begins with the field
		name, rest, _ := strings.Cut(path, ".")
		if inside[name] == nil {
			inside[name] = map[string]string{}
		}
		inside[name][rest] = text
	}
	for name, raw := range chosen.Form {
		body, err := set(fill(string(raw)), inside[name])
		if err != nil {
			return sdk.Sample{}, err
		}
		delete(inside, name)
		form.Set(name, fieldText(body))
	}
	for name, values := range inside {
		form.Set(name, fieldText([]byte(values[""])))
	}
	made.Headers["Content-Type"], made.Body = formType, []byte(form.Encode())
	return made, nil
}

// fieldText is the text of a form's field: a JSON string, or JSON as it is written.
func fieldText(raw []byte) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

func hint(of string) string {
	if of == "" {
		return ""
	}
	return " (" + of + ")"
}

// filler returns what fills in ids and times.
func filler(now time.Time) func(string) string {
	id := make([]byte, 16)
	_, _ = rand.Read(id) // crypto/rand never fails: it ends the program instead
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	uuid := fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	return strings.NewReplacer(
		`"$MILLISECONDS"`, strconv.FormatInt(now.UnixMilli(), 10), `"$SECONDS"`, strconv.FormatInt(now.Unix(), 10),
		"$ID", fmt.Sprintf("%x", id), "$UUID", uuid, "$TIME", now.UTC().Format(time.RFC3339),
		"$MILLISECONDS", strconv.FormatInt(now.UnixMilli(), 10), "$SECONDS", strconv.FormatInt(now.Unix(), 10)).Replace
}

// set gives fields of a JSON text other values: dotted paths to JSON. An empty path is
// the whole. Members that are missing are made. Errors are *sdk.Error.
func set(text string, values map[string]string) ([]byte, error) {
	document, err := value.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(values)) {
		v, err := value.Parse([]byte(values[path]))
		if err == nil {
			document, err = assign(document, path, v)
		}
		if err != nil {
			return nil, sdk.Refuse(sdk.CodeInvalidParams, "--set %s: %v", path, err)
		}
	}
	return value.Marshal(document)
}

// assign puts v at a dotted path.
func assign(document any, path string, v any) (any, error) {
	if path == "" {
		return v, nil
	}
	name, rest, _ := strings.Cut(path, ".")
	switch within := document.(type) {
	case map[string]any:
		inner, err := assign(within[name], rest, v)
		within[name] = inner
		return within, err
	case []any:
		i, err := strconv.Atoi(name)
		if err != nil || i < 0 || i >= len(within) {
			return nil, fmt.Errorf("there is no element %s of an array of %d", name, len(within))
		}
		within[i], err = assign(within[i], rest, v)
		return within, err
	case nil:
		return assign(map[string]any{}, path, v)
	default:
		return nil, fmt.Errorf("%s is within a value that is no object", name)
	}
}

// sample makes and signs a sample.
func (s scheme) sample(all samples, asked sdk.SampleRequest) (sdk.Sample, error) {
	made, err := all.unsigned(s.name, asked)
	if err != nil {
		return sdk.Sample{}, err
	}
	fill := filler(asked.Now)
	put := func(name, text string) {
		if made.Headers[name] == "" {
			made.Headers[name] = text
		}
	}
	if s.id.header != "" {
		put(s.id.header, fill("$UUID"))
	}
	for _, p := range s.content {
		if p.kind == partHeader {
			put(p.literal, fill("$UUID"))
		}
	}
	stamp := s.timeFormat.write(asked.Now)
	if s.timestamp.header != "" {
		put(s.timestamp.header, s.timestamp.prefix+stamp)
	}
	headers := textproto.MIMEHeader{}
	for name, text := range made.Headers {
		headers.Set(name, text)
	}
	r := &request{sdk.WebhookRequest{Headers: headers, Body: made.Body, URL: asked.URL}}
	if s.token {
		made.Headers[s.header] = asked.Secret
		return made, nil
	}
	content, err := s.signed(r)
	if err != nil {
		return sdk.Sample{}, sdk.Refuse(sdk.CodeInvalidParams, "%s", err)
	}
	keys := s.keys
	if keys == nil {
		keys = rawKeys
	}
	key := keys([]string{asked.Secret})
	if len(key) == 0 {
		return sdk.Sample{}, errPublicKey
	}
	signature := s.prefix + s.encoding.encode(s.algorithm.mac(key[0], content))
	if s.timestamp.header == s.header {
		signature = made.Headers[s.header] + "," + signature
	}
	made.Headers[s.header] = signature
	return made, nil
}
