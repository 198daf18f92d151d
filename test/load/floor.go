package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/backflow/backflow/test/load/internal/post"
)

// journal makes entries durable. Its keys are a run's id, which orders by
// time, and the number of the entry.
type journal interface {
	append(id string, n int, entry []byte) error
	close() error
}

// floor is the least that a durable workflow of three steps costs: it starts
// over HTTP, makes the calls, and makes the input and each answer durable
// before it goes on. It has no engine, no definition, no check, no retry, no
// log, and nothing that could resume a run.
type floor struct {
	journal journal
	client  *post.Client
}

// newFloor answers every POST with a run, and a probe at /readyz.
func newFloor(j journal, stubURL string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /", &floor{journal: j, client: post.NewClient(stubURL)})
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := f.run(w, r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	// A client that has gone needs no answer.
	_, _ = w.Write(body)
}

func (f *floor) run(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	given, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, err
	}
	v7, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	id := v7.String()
	entry := given
	for step := 1; step <= steps; step++ {
		// What is about to be sent is on disk before it is sent.
		params := fmt.Appendf(nil, `{"step":%d,"previous":"thing_0000000000000000","data":%q}`, step, data)
		if err := f.journal.append(id, step-1, append(entry, params...)); err != nil {
			return nil, err
		}
		if entry, err = f.client.Post(r.Context(), id+"/"+strconv.Itoa(step), params); err != nil {
			return nil, err
		}
	}
	if err := f.journal.append(id, steps, entry); err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, `{"id":%q,"status":"succeeded","result":%s}`, id, entry), nil
}
