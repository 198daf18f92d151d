package main

import (
	"testing"

	"github.com/backflow/backflow/sdk/sdktest"
)

func TestPhoneKeepsWhatPluginsPromise(t *testing.T) { sdktest.Check(t, phone()) }
