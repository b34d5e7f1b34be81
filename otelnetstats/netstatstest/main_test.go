package netstatstest_test

import (
	"testing"

	"github.com/netstats-go/netstats/internal/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }
