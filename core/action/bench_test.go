package action_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// BenchmarkDirectCall measures what a direct call does between the body of its
// request and the integration: the body is read, bound to params and checked
// against the schema of the action, alone and beside a param in the path.
func BenchmarkDirectCall(b *testing.B) {
	integration := &double{name: "shop", execute: func(context.Context, action.Call) (sdk.Result, error) { return sdk.Result{}, nil }}
	integration.manifest = &sdk.Manifest{Actions: []sdk.ActionSpec{{Name: "pay", Params: []byte(paymentSchema), HTTP: sdk.POST("/pay/:currency")}}}
	registry, err := action.NewRegistry(integration)
	if err != nil {
		b.Fatal(err)
	}
	pay, err := registry.Find("shop", "pay")
	if err != nil {
		b.Fatal(err)
	}
	bodies := map[string][]byte{"300B": orderOf(4), "16KiB": orderOf(340)}
	for _, size := range []string{"300B", "16KiB"} {
		for _, bound := range []*action.Bound{nil, {Path: map[string]string{"currency": "usd"}}} {
			name, body := size+"/body and path", bodies[size]
			if bound == nil {
				name, body = size+"/body", append([]byte(`{"currency":"usd",`), body[1:]...)
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					document, err := value.ParseDoc(body)
					if err != nil {
						b.Fatal(err)
					}
					params, err := pay.Bind(bound, url.Values{}, document)
					if err != nil {
						b.Fatal(err)
					}
					if _, err := pay.Call(b.Context(), action.Call{Params: params}, action.Sleep); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// orderOf returns params without a currency, of about 90 bytes and 47 for each item.
func orderOf(items int) []byte {
	list := strings.Repeat(`,{"price":"price_0123456789abcdef","quantity":2}`, items)
	return []byte(`{"amount":123456,"confirm":true,"expand":["customer"],"metadata":{"order":"o_1"},"items":[` + list[1:] + `]}`)
}
