// Package compatibility holds Backflow to its promise to the authors of plugins,
// docs/plugins/compatibility.md: what was built for a version that is still
// served works, and a change to the protocol that would break it is refused
// before it is merged. The module of the ABI's first version is called by
// test/thirdparty.
package compatibility
