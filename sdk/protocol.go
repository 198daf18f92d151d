package sdk

// What gateway and plugin processes agree on before the first message. Plugin
// authors need none of it; a host or a test harness does.
const (
	// ProtocolVersion is the version of backflow.plugin.v1 in the handshake.
	ProtocolVersion = 1
	// HandshakeCookieKey and HandshakeCookieValue are an environment variable
	// that tells a plugin that it was started by a gateway and not by a person.
	// It is not a secret and protects nothing.
	HandshakeCookieKey   = "BACKFLOW_PLUGIN"
	HandshakeCookieValue = "6d1f9c0a-backflow-plugin"
	// ParentVariable is an environment variable with the process id of the
	// gateway: a plugin whose parent is another process ends at once.
	ParentVariable = "BACKFLOW_PLUGIN_PARENT"
	// MemoryVariable is an environment variable with the MiB of memory above which
	// the gateway kills the plugin, where it does: there a plugin spends no memory on
	// speed.
	MemoryVariable = "BACKFLOW_PLUGIN_MEMORY"
	// DispenseName is the name under which go-plugin serves the plugin.
	DispenseName = "integration"
	// MaxMessageSize is the most bytes that one message may have, in either
	// direction: params or result with everything around them.
	MaxMessageSize = 32 << 20
	// MaxBodySize is the most bytes that the params of a call or the body of a
	// result may have: MaxMessageSize less room for what is around them.
	MaxBodySize = MaxMessageSize - 64<<10
)
