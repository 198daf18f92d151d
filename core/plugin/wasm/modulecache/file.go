package modulecache

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/backflow/backflow/core/plugin"
)

// maxFile bounds a module's file, in bytes.
const maxFile = 128 << 20

// Checksum returns the SHA-256 of a module's file as hex, as Key has it. For a
// module that is compiled, nothing else of the file is read.
func Checksum(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Size() > maxFile {
		return "", fmt.Errorf("%s has more than %d bytes", path, maxFile)
	}
	return plugin.Checksum(path)
}

// read reads a module's file, which must have the checksum.
func read(path, sum string) (_ []byte, err error) {
	file, err := plugin.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	binary, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if actual := sha256.Sum256(binary); hex.EncodeToString(actual[:]) != sum {
		return nil, errors.New("the file was replaced just now")
	}
	return binary, nil
}
