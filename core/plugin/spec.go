package plugin

import (
	"reflect"
	"time"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/sdk"
)

// Spec says which plugin to run and how.
type Spec struct {
	// Name is the integration's name: what the file is called after its prefix.
	Name string
	// Path is the plugin's file, absolute.
	Path string
	// SHA256 pins the file: hex, checked before each start. Empty: not pinned.
	SHA256 string
	// RequirePinned refuses the plugin where it is not pinned.
	RequirePinned bool
	// Env is the whole environment of the plugin.
	Env map[string]string
	// Secrets are the secret values in Env. They are never shown, and neither are the
	// secrets in the credentials.
	Secrets []string
	// Timeout bounds each call, whatever the caller allows; zero means
	// DefaultTimeout.
	Timeout time.Duration
	// MaxConcurrency is how many calls run at once; zero means
	// DefaultMaxConcurrency.
	MaxConcurrency int
	// MemoryLimitMiB bounds the memory of each guest of a WASM plugin, or of a
	// process, which is killed when it holds more. Zero means DefaultMemoryLimitMiB
	// for a guest, and no limit for a process.
	MemoryLimitMiB int
	// WASM is for WASM plugins alone.
	WASM WASM
}

// Member is one plugin of a Host.
type Member struct {
	Spec Spec
	// Config is handed to the plugin. Its Credentials are nil where the config
	// gives none.
	Config sdk.Config
	// Optional says that nothing names the plugin, so that nothing waits for it: it
	// takes calls once it is ready.
	Optional bool
}

// sameInstance reports whether one instance can serve both members.
func (m Member) sameInstance(other Member) bool {
	m.Optional = other.Optional
	return reflect.DeepEqual(m, other)
}

// WASM is the part of a Spec that is for WASM plugins alone.
type WASM struct {
	// AllowedHosts are the only hosts that the plugin's HTTP requests may go to.
	AllowedHosts []egress.Host
	// Deadline says what happens to a guest that overruns its time; empty means
	// DeadlineHard.
	Deadline Deadline
	// Instances bounds how many guests there are. Each takes one call at a time.
	// Zero leaves the number to the transport.
	Instances int
}

// Deadline is what happens to a guest that overruns its time.
type Deadline string

const (
	// DeadlineHard interrupts the guest.
	DeadlineHard Deadline = "hard"
	// DeadlineSoft lets the guest go on until it returns or calls the host, while
	// its caller stops waiting. Its code runs faster, because it does not check at
	// each loop whether it may go on.
	DeadlineSoft Deadline = "soft"
)

// The values that a Spec's zero fields stand for.
const (
	// DefaultTimeout frees a slot when neither caller nor config bounds a call.
	DefaultTimeout        = 2 * time.Minute
	DefaultMaxConcurrency = 64
	// DefaultMemoryLimitMiB is room for a Go guest and results of some MiB.
	DefaultMemoryLimitMiB = 64
)
