package process

import (
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// protocolMismatch returns what to do about a plugin that speaks none of the
// protocols that the gateway speaks, nil if it speaks one. The second field of the
// line of the handshake is the plugin's protocol: of those that the gateway has
// offered, the newest that the plugin knows.
func protocolMismatch(handshake string) error {
	fields := strings.Split(strings.TrimSpace(handshake), "|")
	if len(fields) < 4 || fields[2] != "unix" && fields[2] != "tcp" {
		return nil // it is no handshake
	}
	theirs, err := strconv.Atoi(fields[1])
	if err != nil || theirs == sdk.ProtocolVersion {
		return nil
	}
	return plugin.VersionMismatch("plugin protocol", theirs, sdk.ProtocolVersion)
}
