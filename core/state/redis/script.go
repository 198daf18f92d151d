package redis

import (
	"crypto/sha1" //nolint:gosec // how Redis names scripts
	_ "embed"
	"encoding/hex"
	"strings"

	goredis "github.com/redis/go-redis/v9"
)

//go:embed commit.lua
var commitSource string

//go:embed due.lua
var dueSource string

// script is a Lua script and the name that Redis gives it.
type script struct {
	source string
	sha    string
}

func newScript(source string) script {
	sum := sha1.Sum([]byte(source)) //nolint:gosec // how Redis names scripts
	return script{source, hex.EncodeToString(sum[:])}
}

// arguments begins the command for a call with this many keys; keys and
// arguments of the script are appended.
func (s script) arguments(into []any, keys int) []any {
	return append(into, "evalsha", s.sha, keys)
}

// unknownScript reports that the server does not know a script: it was started
// anew, or told to forget scripts.
func unknownScript(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT")
}

// call runs the script by do. When Redis does not know it (after a restart,
// nothing was executed then), the source is sent.
func (s script) call(arguments []any, do func(arguments []any) *goredis.Cmd) *goredis.Cmd {
	cmd := do(arguments)
	if unknownScript(cmd.Err()) {
		arguments[0], arguments[1] = "eval", s.source
		cmd = do(arguments)
		arguments[0], arguments[1] = "evalsha", s.sha
	}
	return cmd
}
