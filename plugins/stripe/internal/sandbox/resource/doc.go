// Package resource is what an area of the sandbox is written on: one change of the
// state (Tx), one request, Stripe's objects and refusals, lists, searches, expansion,
// events, and timers.
//
// To add a resource, write a Module in the package of its area and name it in
// sandbox/modules.go:
//
//	func Module() resource.Module {
//		return resource.Module{
//			Prefixes: map[string]string{"coupon": "coupon"},
//			Operations: map[string]resource.Operation{
//				"PostCoupons":      create,
//				"GetCouponsCoupon": resource.Getter("coupon"),
//				"GetCoupons":       resource.Lister("coupon"),
//			},
//			Timers:    map[string]resource.Timer{"coupon.expire": expire},
//			Listeners: map[string][]resource.Listener{"customer.deleted": {forget}},
//		}
//	}
//
//	func create(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
//		o := t.New("coupon")
//		if refusal := resource.Update(o, r.Params, "percent_off", "name"); refusal != nil {
//			return nil, refusal
//		}
//		t.Put(o)
//		t.Emit("coupon.created", o)
//		return o, nil
//	}
//
// What the sandbox does before an operation is called: it authenticates, finds the
// operation, checks that Stripe's description allows the params (names, types, what
// is required), and looks at the idempotency key. After it: it calls the listeners,
// expands what "expand" names, and commits. An operation that no module has goes to
// stripe-mock.
//
// Rules:
//
//   - Operations are functions of the Tx and the request alone; all state is in the Tx.
//     Time comes from Tx.Now. An operation on what belongs to a customer calls
//     Tx.On(customer.Text("test_clock")) first, so that Now, New, Emit and After go by
//     that test clock; a timer has its own clock on already.
//   - Objects begin as Tx.New, so that they have every field that Stripe's have, and no
//     other ones. Clone before you change what EmitUpdate is to compare.
//   - Put, then Emit: the event shows the object as given. Listeners are called after
//     the operation has returned, in the order of the events, and Get what they change
//     anew. Areas call each other's functions where one needs the result, and listen
//     where it does not.
//   - A refusal undoes everything, unless it Stands, as a declined charge does. Say it in
//     Stripe's words: Missing, Invalid, Unexpected.
//   - Seeds run in the order of modules.go, on an empty sandbox and after a reset.
//
// The package imports plugins/stripe/internal/random,
// plugins/stripe/internal/sandbox/mock and plugins/stripe/internal/sandbox/store.
package resource
