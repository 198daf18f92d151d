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

// arguments appends the beginning of the command for a call with this many keys.
// The caller appends the keys and arguments of the script.
func (s script) arguments(into []any, keys int) []any {
	return append(into, "evalsha", s.sha, keys)
}

// unknownScript reports whether the server does not know a script: it was
// restarted, or its scripts were flushed.
func unknownScript(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "NOSCRIPT")
}

// call runs the script with do. When Redis does not know the script, as after a
// restart, nothing was executed, and call sends the source.
func (s script) call(arguments []any, do func(arguments []any) *goredis.Cmd) *goredis.Cmd {
	cmd := do(arguments)
	if unknownScript(cmd.Err()) {
		arguments[0], arguments[1] = "eval", s.source
		cmd = do(arguments)
		arguments[0], arguments[1] = "evalsha", s.sha
	}
	return cmd
}
