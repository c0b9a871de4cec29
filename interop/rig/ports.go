package rig

import (
	"errors"
	"net"
	"strconv"
)

// freePorts finds a block of 1,000 ports of which none that servers use is taken, and holds its first one.
func freePorts() (net.Listener, error) {
	for base := 20000; base < 32000; base += 1000 {
		hold, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base))
		if err != nil {
			continue
		}
		if allFree(base) {
			return hold, nil
		}
		_ = hold.Close()
	}
	return nil, errors.New("no block of free ports")
}

func allFree(base int) bool {
	for _, offset := range []int{
		24, 34, 125, 126, 127, 128, 129, 130, 131, 165, 166, 167, 168, 169, 187, 225, 226, 227, 228, 265, 325, 326,
		424, 425, 465, 524, 525, 565, 625, 626, 627, 628, 629, 630, 631, 632, 633, 634, 635, 724, 725, 765,
	} {
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(base+offset))
		if err != nil {
			return false
		}
		_ = l.Close()
	}
	return true
}
