#!/bin/sh
# Plants each bug into a copy of the tree and has the simulation find it. The
# working tree stays as it is. SEEDS bounds the search for each.
set -eu
cd "$(dirname "$0")/../../.."
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
missed=0
for mutant in test/sim/mutants/*.patch; do
	name=$(basename "$mutant" .patch)
	rm -rf "$copy"/*
	tar -cf - go.mod go.sum core sdk test/sim | tar -xf - -C "$copy"
	patch -s -p1 -d "$copy" <"$mutant"
	if (cd "$copy" && ${GO:-go} test -count=1 -vet=off -timeout 10m ./test/sim -run '^TestSim$' -sim.seeds="${SEEDS:-500}") >"$copy/found" 2>&1; then
		echo "MISSED  $name"
		missed=1
	elif found=$(grep -m1 -oE 'seed [0-9]+: .*' "$copy/found"); then
		echo "found   $name: $found" | cut -c1-200
	else
		echo "BROKEN  $name does not build or run:"
		tail -20 "$copy/found"
		missed=1
	fi
done
exit $missed
