package nprint

// readOptions reads a TCP option list that is complete. It stops at the end-of-list option
// and at an option with an impossible length. If an option occurs twice, the last one
// counts, as for a receiver.
func (v *fields) readOptions(list []byte) {
	v[tcpSACKOK], v[tcpTS], v[tcpSACKs] = 0, 0, 0
	var count, order int32
	for len(list) > 0 && list[0] != 0 {
		size := 1
		if list[0] != 1 {
			if len(list) < 2 || list[1] < 2 || int(list[1]) > len(list) {
				break
			}
			size = int(list[1])
		}
		digit := v.readOption(list[0], list[:size])
		if count < 6 {
			order |= digit << (3 * count)
		}
		count++
		list = list[size:]
	}
	v[tcpOpts], v[tcpOptOrder] = count, order
}

// readOption reads one option and gives its digit for the order of options.
func (v *fields) readOption(kind byte, option []byte) int32 {
	switch kind {
	case 1:
		return 1
	case 2:
		if len(option) == 4 {
			v[tcpMSS] = be16(option[2:])
		}
		return 2
	case 3:
		if len(option) == 3 {
			v[tcpWScale] = int32(option[2])
		}
		return 3
	case 4:
		v[tcpSACKOK] = 1
		return 4
	case 5:
		v[tcpSACKs] += int32(len(option)-2) / 8
		return 5
	case 8:
		v[tcpTS] = 1
		return 6
	}
	return 7
}
