package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/backflow/backflow/core/config"
)

func TestEveryBackendOfAConfigIsOpened(t *testing.T) {
	want := slices.Sorted(slices.Values(config.Backends()))
	if got := slices.Sorted(maps.Keys(storeOpeners)); !slices.Equal(got, want) {
		t.Errorf("opened are %q, a config may have %q", got, want)
	}
}
