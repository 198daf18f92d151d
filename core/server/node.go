package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net"
	"os"
	"strings"
)

// nodeName names the place that this process runs at: the machine since its
// last start, its network, and the address that it listens on. Two live
// processes cannot share it, since only one can listen there: the process that has
// it after a crash may take back at once what was in progress.
func nodeName(listening net.Addr) string {
	hostname, err := os.Hostname()
	if err != nil {
		hostname = "unknown"
	}
	// Where these cannot be read the name is less telling, and no less unique
	// on this machine.
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	network, _ := os.Readlink("/proc/self/ns/net")
	sum := sha256.Sum256([]byte(strings.Join([]string{hostname, string(boot), network, listening.String()}, "\x00")))
	return hostname + "/" + listening.String() + "/" + hex.EncodeToString(sum[:8])
}
