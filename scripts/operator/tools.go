//go:build tools

// Package tools pins the programs that scripts/operator-programs builds, so that go.sum holds the
// checksum of everything in them.
package tools

import (
	_ "github.com/prometheus/prometheus/cmd/promtool"
	_ "helm.sh/helm/v4/cmd/helm"
)
