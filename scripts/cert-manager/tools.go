//go:build tools

// Package tools pins the programs that scripts/cert-manager-programs builds, so that go.sum holds the
// checksum of everything in them.
package tools

import (
	_ "github.com/cert-manager/cert-manager/cmd/cainjector"
	_ "github.com/cert-manager/cert-manager/cmd/controller"
)
