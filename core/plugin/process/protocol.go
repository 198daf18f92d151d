package process

import (
	"fmt"
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
	advice := fmt.Sprintf("the plugin is too old: build it with the SDK of this gateway, or use a version of it that speaks %d", sdk.ProtocolVersion)
	if theirs > sdk.ProtocolVersion {
		advice = fmt.Sprintf("the gateway is too old for it: update Backflow, or use a version of the plugin that speaks %d", sdk.ProtocolVersion)
	}
	return plugin.Refuse(fmt.Errorf("the plugin speaks version %d of the plugin protocol, this gateway version %d; %s", theirs, sdk.ProtocolVersion, advice))
}
