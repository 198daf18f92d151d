package form

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// part is a part of a multipart body as a server reads it.
type part struct{ Field, File, Type, Content string }

// parts reads a body as the standard library does for a server.
func parts(t *testing.T, contentType string, body []byte) []part {
	t.Helper()
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/form-data" {
		t.Fatalf("%q: %v", contentType, err)
	}
	reader := multipart.NewReader(bytes.NewReader(body), params["boundary"])
	var got []part
	for {
		p, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(content)})
	}
}

func TestAFileIsSentAsItIs(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw  string
		want part
	}{
		"a string is the content":        {`"a\n\u00e9"`, part{"file", "file", "application/octet-stream", "a\né"}},
		"an empty string":                {`""`, part{"file", "file", "application/octet-stream", ""}},
		"an object":                      {`{"name":"a b.pdf","contentType":"application/pdf","base64":"AP8="}`, part{"file", "a b.pdf", "application/pdf", "\x00\xff"}},
		"an object of content alone":     {`{"base64":""}`, part{"file", "file", "application/octet-stream", ""}},
		"a name that is not ASCII":       {`{"name":"Beleg für 日本.png","base64":"YQ=="}`, part{"file", "Beleg für 日本.png", "application/octet-stream", "a"}},
		"a content type with parameters": {`{"contentType":"text/csv; charset=utf-8","base64":"YQ=="}`, part{"file", "file", "text/csv; charset=utf-8", "a"}},
		"content that holds a boundary":  {`"--x\r\n\r\n--x--"`, part{"file", "file", "application/octet-stream", "--x\r\n\r\n--x--"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := ParseFile("file", json.RawMessage(test.raw))
			if err != nil {
				t.Fatal(err)
			}
			contentType, body, err := Multipart([]Field{{"purpose", "dispute_evidence"}, {"file_link_data[metadata][a b]", "x\r\ny"}}, []File{file})
			if err != nil {
				t.Fatal(err)
			}
			want := []part{{Field: "purpose", Content: "dispute_evidence"}, {Field: "file_link_data[metadata][a b]", Content: "x\r\ny"}, test.want}
			if diff := cmp.Diff(want, parts(t, contentType, body)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNoFileIsAFault(t *testing.T) {
	t.Parallel()
	large, err := json.Marshal(map[string]string{"base64": base64.StdEncoding.EncodeToString(make([]byte, maxFile+1))})
	if err != nil {
		t.Fatal(err)
	}
	for raw, want := range map[string]struct{ pointer, message string }{
		`1`:                                 {"/file", "must be the content of a file"},
		`null`:                              {"/file", "must be the content of a file"},
		`["a"]`:                             {"/file", "must be the content of a file"},
		`{}`:                                {"/file/base64", "is missing"},
		`{"name":"a"}`:                      {"/file/base64", "is missing"},
		`{"base64":1}`:                      {"/file/base64", "must be a string"},
		`{"base64":null}`:                   {"/file/base64", "must be a string"},
		`{"base64":"a"}`:                    {"/file/base64", "must be base64"},
		`{"base64":"YR=="}`:                 {"/file/base64", "must be base64"},
		`{"base64":"YQ==","size":1}`:        {"/file/size", "unknown"},
		`{"base64":"YQ==","base64":"YQ=="}`: {"/file/base64", "twice"},
		`{"base64":"","name":""}`:           {"/file/name", "must be the name of a file"},
		`{"base64":"","name":".."}`:         {"/file/name", "must be the name of a file"},
		`{"base64":"","name":"../a"}`:       {"/file/name", "must be the name of a file"},
		`{"base64":"","name":"a\\b"}`:       {"/file/name", "must be the name of a file"},
		`{"base64":"","name":"a\"; x=\"b"}`: {"/file/name", "must be the name of a file"},
		`{"base64":"","name":"a\r\nX: y"}`:  {"/file/name", "must be the name of a file"},
		`{"base64":"","name":"a\u0085b"}`:   {"/file/name", "must be the name of a file"},
		`{"base64":"","contentType":""}`:    {"/file/contentType", "must be a media type"},
		`{"base64":"","contentType":"pdf"}`: {"/file/contentType", "must be a media type"},
		`{"base64":"","contentType":"text/plain\r\nX: y"}`:              {"/file/contentType", "must be a media type"},
		`{"base64":"","contentType":"multipart/mixed; boundary=\"x\""}`: {"/file/contentType", "must be a media type"},
		`{"base64":"","name":"` + strings.Repeat("a", 256) + `"}`:       {"/file/name", "must be the name of a file"},
		string(large): {"/file", "larger than 16777216 bytes"},
	} {
		_, err := ParseFile("file", json.RawMessage(raw))
		var fault *Fault
		if !errors.As(err, &fault) || fault.Pointer != want.pointer || !strings.Contains(fault.Message, want.message) {
			t.Errorf("%.80s: %v, want %s …%s…", raw, err, want.pointer, want.message)
		}
	}
}

func TestANameWithAControlCharacterIsNotSentBesideAFile(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"a\r\nb", "\x7f", "\u0085"} {
		_, _, err := Multipart([]Field{{"file_link_data[metadata][" + name + "]", "v"}}, nil)
		var fault *Fault
		if !errors.As(err, &fault) || fault.Pointer != "/file_link_data/metadata/"+name {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func FuzzFile(f *testing.F) {
	for _, seed := range []string{`"a"`, `{"name":"a","contentType":"text/plain; a=b","base64":"YQ=="}`, `{"name":"é\u2028","base64":""}`, `{"contentType":"a/b;c=\"d\\\"e\"","base64":""}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		file, err := ParseFile("file", raw)
		if err != nil {
			return
		}
		contentType, body, err := Multipart(nil, []File{file})
		if err != nil {
			t.Fatal(err)
		}
		want := []part{{"file", file.Name, file.ContentType, string(file.Content)}}
		if diff := cmp.Diff(want, parts(t, contentType, body)); diff != "" {
			t.Fatalf("%s: %s", raw, diff)
		}
	})
}
