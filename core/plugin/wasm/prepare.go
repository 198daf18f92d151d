package wasm

import (
	"context"
	"errors"
	"fmt"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"

	"github.com/backflow/backflow/sdk/abi"
)

// prepare makes sure that a module is a plugin, before any of it runs, and adds
// everything that a guest may import.
func prepare(ctx context.Context, runtime wazero.Runtime, module wazero.CompiledModule) error {
	if _, err := wasi_snapshot_preview1.Instantiate(ctx, runtime); err != nil {
		return fmt.Errorf("offer WASI: %w", err)
	}
	if err := addHostModule(ctx, runtime); err != nil {
		return fmt.Errorf("offer host functions: %w", err)
	}
	if err := checkImports(runtime, module); err != nil {
		return err
	}
	return checkExports(module)
}

// checkImports makes sure that there is all that the module imports: to start it
// would say so too, but not what may be imported.
func checkImports(runtime wazero.Runtime, module wazero.CompiledModule) error {
	for _, function := range module.ImportedFunctions() {
		from, name, _ := function.Import()
		offered := runtime.Module(from)
		if offered == nil {
			return fmt.Errorf("the module imports the function %s of %s: a plugin imports functions of %s and of %s alone (docs/plugin-abi.md)",
				name, from, wasi_snapshot_preview1.ModuleName, abi.HostModule)
		}
		if _, ok := offered.ExportedFunctionDefinitions()[name]; !ok {
			return fmt.Errorf("the module imports the function %s of %s, which this gateway does not have", name, from)
		}
	}
	if len(module.ImportedMemories()) > 0 {
		return errors.New("the module imports its memory: a plugin has its own, which it exports (docs/plugin-abi.md)")
	}
	return nil
}

func checkExports(module wazero.CompiledModule) error {
	functions := module.ExportedFunctions()
	for _, want := range []struct {
		name            string
		params, results []api.ValueType
	}{
		{abi.ExportVersion, nil, []api.ValueType{api.ValueTypeI32}},
		{abi.ExportBuffer, []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI32}},
		{abi.ExportCall, []api.ValueType{api.ValueTypeI32}, []api.ValueType{api.ValueTypeI64}},
	} {
		function, ok := functions[want.name]
		if !ok {
			return fmt.Errorf("the module exports no function %s: it is no plugin, or was not built as a library (for Go: -buildmode=c-shared)", want.name)
		}
		if string(function.ParamTypes()) != string(want.params) || string(function.ResultTypes()) != string(want.results) {
			return fmt.Errorf("the module's function %s has another signature than docs/plugin-abi.md says", want.name)
		}
	}
	if _, ok := module.ExportedMemories()["memory"]; !ok {
		return errors.New(`the module exports no memory of the name "memory"`)
	}
	return nil
}
