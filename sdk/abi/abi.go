package abi

// Version is what the guest's function backflow_abi returns. A host refuses a
// guest of another version; new kinds and tags alone do not make one.
const Version = 1

// The names of the module that a host offers, of its functions, and of those
// that a guest exports.
const (
	HostModule  = "backflow"
	HostLog     = "log"          // (pointer, length): one record, see docs/plugin-abi.md
	HostSend    = "http_send"    // (pointer, length) length: sends a request, returns the response's length
	HostReceive = "http_receive" // (pointer): copies the response there

	ExportVersion = "backflow_abi"   // () version
	ExportBuffer  = "backflow_alloc" // (length) pointer: where the host writes requests
	ExportCall    = "backflow_call"  // (length) pointer<<32 | length: handles the request in the buffer
)

// Kind says what a frame is. It is its first byte.
type Kind byte

// The kinds of requests, and of the responses to them.
const (
	Manifest       Kind = 1
	Configure      Kind = 2
	Execute        Kind = 3
	VerifyWebhook  Kind = 4
	SampleWebhook  Kind = 5
	HTTPRequest    Kind = 6 // from guest to host
	ControlSandbox Kind = 7
	CheckUses      Kind = 8
	ListEvents     Kind = 9
	SyncEndpoint   Kind = 10

	OK      Kind = 64
	Failure Kind = 65 // with an Error field
	Refusal Kind = 66 // of a webhook, with a Reason field, and Genuine if it is genuine
)

// Tag says what a field of a frame is.
type Tag byte

// The tags. Numbers are signed, 64 bits, little-endian; all else is bytes.
const (
	Body           Tag = 1
	Action         Tag = 2
	IdempotencyKey Tag = 3
	RequestID      Tag = 4
	Timeout        Tag = 5 // number: nanoseconds that are left
	ContentType    Tag = 6
	Error          Tag = 7 // JSON, as sdk.Error has it
	Reason         Tag = 8
	Header         Tag = 9 // "Name:value"; once for each value
	URL            Tag = 10
	Secret         Tag = 11 // once for each
	Now            Tag = 12 // number: nanoseconds since 1970
	Tolerance      Tag = 13 // number: nanoseconds
	EventID        Tag = 14
	EventType      Tag = 15
	Set            Tag = 16 // "path=value"; once for each
	Method         Tag = 17
	Status         Tag = 18 // number: of an HTTP response
	Genuine        Tag = 19 // number: 1 if the refused webhook is genuine
	Livemode       Tag = 20 // number: 1 if the event is not of the vendor's mode for tests
	Flag           Tag = 21 // of an event; once for each
	Chain          Tag = 22 // number: 1 if the older events of a sample are wanted too
	Before         Tag = 23 // a frame that is an older sample; once for each, the oldest first
	Payload        Tag = 24 // of an event: JSON
	IDUnsigned     Tag = 25 // number: 1 if what is signed does not hold the event's id
	Reply          Tag = 26 // a frame with the body of the response to the sender, and its ContentType
)
