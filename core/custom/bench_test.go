package custom_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/backflow/backflow/core/custom"
)

// BenchmarkExecute measures a POST of 200 bytes beside what net/http alone
// takes for it, from 16 callers each.
func BenchmarkExecute(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"thing_1"}`)
	}))
	defer server.Close()
	body := []byte(`{"data":"` + string(bytes.Repeat([]byte("0123456789"), 19)) + `"}`)

	b.Run("floor", func(b *testing.B) {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
		defer client.CloseIdleConnections()
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				response, err := client.Post(server.URL+"/things", "application/json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		})
	})
	b.Run("execute", func(b *testing.B) {
		i, err := custom.New(custom.Definition{Name: "crm", BaseURL: server.URL, Auth: custom.Bearer("token"), Actions: map[string]custom.Action{
			"act": {Method: "POST", Path: "/things", Body: json.RawMessage(`{"data":"{{params.data}}"}`), IdempotencyHeader: "Idempotency-Key"},
		}})
		if err != nil {
			b.Fatal(err)
		}
		defer i.Close()
		b.ReportAllocs()
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := execute(b.Context(), i, string(body)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}
