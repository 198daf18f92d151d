package sandbox

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// page returns the parts of the path of a request, and whether it is for a page.
func (s *Sandbox) page(r *http.Request) ([]string, bool) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	_, ok := s.env.Module.Pages[parts[0]]
	return parts, ok && len(parts) > 1
}

// servePage shows a page to a browser, or takes its form. The second part of the path
// is the account that it is about, "-" for the sandbox's own.
func (s *Sandbox) servePage(w http.ResponseWriter, r *http.Request, path []string) {
	var form url.Values
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodPost:
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err == nil {
			form, err = url.ParseQuery(string(raw))
		}
		if err != nil {
			http.Error(w, "The form cannot be read.", http.StatusBadRequest)
			return
		}
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		http.Error(w, "A page is read, or its form is sent.", http.StatusMethodNotAllowed)
		return
	}
	account := strings.TrimPrefix(path[1], "-")
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), executeTimeout)
	defer cancel()
	var shown resource.PageResult
	events, err := s.change(ctx, account, nil, func(_ *store.Tx, t *resource.Tx) error {
		shown = s.env.Module.Pages[path[0]](t, path[2:], form)
		t.Settle(nil)
		if form == nil || shown.Status >= http.StatusBadRequest {
			return errUndo
		}
		return nil
	})
	if err != nil {
		s.log.Error("the Stripe sandbox failed", "page", path[0], "error", err)
		http.Error(w, "The sandbox failed. Its log says why.", http.StatusInternalServerError)
		return
	}
	s.announce(events)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors *")
	w.Header().Set("Cache-Control", "no-store")
	if shown.Location != "" {
		w.Header().Set("Location", string(s.located([]byte(shown.Location))))
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	if shown.Status != 0 {
		w.WriteHeader(shown.Status)
	}
	_, _ = io.Copy(w, bytes.NewReader(s.located([]byte(shown.HTML)))) // the browser may be gone
}
