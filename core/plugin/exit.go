package plugin

import "strings"

// Exit is how an instance ended.
type Exit struct {
	// Reason is short and holds no output: "exit status 2", "signal: killed".
	Reason string
	// Clean says that it was not killed: it ended when asked to, or by itself
	// without a fault.
	Clean bool
	// Printed is how many bytes it wrote to standard output beyond the handshake,
	// which alone belongs there. It is zero where standard output is a log.
	Printed int64
	// Stderr is the end of what the plugin wrote to standard error, bounded. It may
	// hold anything, even secrets.
	Stderr string
}

// excerptSize bounds what is shown of a plugin's last output, in bytes.
const excerptSize = 4 << 10

// String returns the reason and what matters of the last output: if there was a
// crash, its beginning, for the message and the stack of its cause; else the last
// lines.
func (e Exit) String() string {
	output := strings.TrimSpace(e.Stderr)
	if output == "" {
		return e.Reason
	}
	cut := max(0, len(output)-excerptSize)
	for _, mark := range []string{"panic: ", "fatal error: "} {
		if strings.HasPrefix(output, mark) {
			cut = 0
		} else if at := strings.LastIndex(output, "\n"+mark); at >= 0 {
			cut = at + 1
		}
	}
	output = output[cut:min(len(output), cut+excerptSize)]
	return e.Reason + ": " + strings.ToValidUTF8(output, "")
}

// exitError is the error of an instance that has ended by itself.
type exitError struct{ exit Exit }

// Error says how it ended, with its last output.
func (e *exitError) Error() string { return "it ended: " + e.exit.String() }
