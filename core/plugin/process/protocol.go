package process

import (
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// otherProtocol answers what to do about a plugin that speaks none of the
// protocols that the gateway speaks, nil if that is not so. What a plugin speaks
// is the second field of the line that it shakes hands with; it chooses, of those
// that the gateway has offered, the newest that it knows.
func otherProtocol(handshake string) error {
	fields := strings.Split(strings.TrimSpace(handshake), "|")
	if len(fields) < 4 || fields[2] != "unix" && fields[2] != "tcp" {
		return nil // that was no handshake
	}
	theirs, err := strconv.Atoi(fields[1])
	if err != nil || theirs == sdk.ProtocolVersion {
		return nil
	}
	return plugin.VersionMismatch("plugin protocol", theirs, sdk.ProtocolVersion)
}
