package main

import (
	"errors"
	"slices"
	"strings"

	"github.com/backflow/backflow/sdk"
)

// place says which of the caller's params a parameter of Stripe's was made of, both
// as JSON pointers. What is below it is meant too.
type place struct{ stripes, callers string }

// standsFor notes that parameters which Stripe may name are the caller's param of that
// name.
func (r *request) standsFor(param string, stripes ...string) {
	for _, name := range stripes {
		r.places = append(r.places, place{"/" + name, "/" + param})
	}
}

// placed points the faults of a refusal into the caller's params. What Stripe itself
// calls the parameter stays in the details. Another error is returned as it is.
func (r *request) placed(err error) error {
	var refused *sdk.Error
	if !errors.As(err, &refused) || len(refused.Faults) == 0 {
		return err
	}
	mapped := *refused
	mapped.Faults = slices.Clone(refused.Faults)
	for i, fault := range mapped.Faults {
		mapped.Faults[i].Pointer = r.callers(fault.Pointer)
	}
	return &mapped
}

// callers returns the pointer to the caller's param that a pointer to Stripe's means.
func (r *request) callers(pointer string) string {
	for _, p := range r.places {
		if pointer == p.stripes || strings.HasPrefix(pointer, p.stripes+"/") {
			return p.callers
		}
	}
	return r.under + pointer
}
