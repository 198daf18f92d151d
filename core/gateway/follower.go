package gateway

import (
	"context"
	"net/http"
)

// following returns a context for a request that follows something. It ends with the
// request, when the gateway begins to stop, and when a reload takes from the caller what
// let the request in: its token, or its scope. Cancel has to be called.
func (x *requestContext) following(r *http.Request) (ctx context.Context, cancel context.CancelFunc) {
	ctx, end := context.WithCancel(r.Context())
	unbind := context.AfterFunc(x.stopping, end)
	again := *x // the request changes x when it ends
	go func() {
		for t := again.table; ; {
			select {
			case <-ctx.Done():
				return
			case <-t.replaced:
			}
			if t = again.Gateway.table.Load(); !again.letInBy(t, r) {
				end()
				return
			}
		}
	}()
	return ctx, func() {
		unbind()
		end()
	}
}

// letInBy reports whether the request would be let in by another table. It changes x.
func (x *requestContext) letInBy(t *table, r *http.Request) bool {
	x.table = t
	var err error
	if x.caller, err = t.auth.authenticate(r); err != nil {
		return false
	}
	return x.authorize(r) == nil
}
