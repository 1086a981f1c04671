package serveflow;

import static serveflow.Field.*;

import java.util.Arrays;
import java.util.Base64;

/** A packet's fields, by their place in Field, from the bytes of its headers and, where those end early, from the record. */
final class Packet {
    private static final int LONGEST = 65575, TCP = 6, UDP = 17, ICMP = 1, ICMP6 = 58;

    final long micros;
    final int[] fields = new int[Field.COUNT];
    private final byte[] h;
    private int protocol = ABSENT, transport = -1; // where its header begins; -1: not in these bytes
    private boolean fragment;

    Packet(PacketRecord r, boolean fromOriginator) {
        micros = r.micros;
        h = Base64.getDecoder().decode(r.header);
        Arrays.fill(fields, ABSENT);
        set(DIR, fromOriginator ? 1 : 0);
        int version = h.length > 0 ? at(0) >> 4 : 0;
        if (version == 4) {
            ip4();
        } else if (version == 6) {
            ip6();
        }
        if (protocol == TCP && transport >= 0) {
            TcpHeader.read(h, transport, fields);
        } else if (protocol == UDP && transport >= 0 && h.length - transport >= 6) {
            set(UDP_LEN, pair(transport + 4));
        }
        complete(r);
    }

    int get(Field f) {
        return fields[f.ordinal()];
    }

    private void set(Field f, int value) {
        fields[f.ordinal()] = value;
    }

    private void setAbsent(Field f, int value) {
        if (get(f) < 0) {
            set(f, value);
        }
    }

    private int at(int i) {
        return h[i] & 0xFF;
    }

    private int pair(int i) {
        return at(i) << 8 | at(i + 1);
    }

    private void ip4() {
        int n = h.length, hl = (at(0) & 15) * 4;
        if (hl < 20) {
            return;
        }
        set(IP_HL, hl);
        set(IP_TOS, n >= 2 ? at(1) : ABSENT);
        set(IP_LEN, n >= 4 ? pair(2) : ABSENT);
        set(IP_ID0, n < 6 ? ABSENT : pair(4) == 0 ? 1 : 0);
        set(IP_DF, n < 7 ? ABSENT : at(6) >> 6 & 1);
        set(IP_TTL, n >= 9 ? at(8) : ABSENT);
        if (n >= 10) {
            protocol = at(9);
            int offset = pair(6) & 0x1FFF;
            fragment = (at(6) & 0x20) != 0 || offset > 0;
            transport = offset > 0 || hl > n ? -1 : hl;
        }
    }

    private void ip6() {
        int n = h.length;
        set(IP_TOS, n >= 2 ? pair(0) >> 4 & 0xFF : ABSENT);
        set(IP_LEN, n >= 6 ? pair(4) + 40 : ABSENT);
        set(IP_TTL, n >= 8 ? at(7) : ABSENT);
        if (n >= 40) {
            extensions();
        }
    }

    /** Goes over the extension headers, to the first one that is of a protocol above. */
    private void extensions() {
        int next = at(6), place = 40, offset = 0;
        boolean more = false;
        while (offset == 0 && (next == 0 || next == 43 || next == 44 || next == 60)) {
            if (place + 8 > h.length) {
                return; // the rest is not known
            }
            int begin = place;
            if (next == 44) {
                offset = pair(begin + 2) >> 3;
                more = (at(begin + 3) & 1) != 0;
                place += 8;
            } else {
                place += (at(begin + 1) + 1) * 8;
            }
            next = at(begin);
        }
        protocol = next;
        set(IP_HL, place);
        fragment = more || offset > 0;
        transport = offset > 0 || place > h.length ? -1 : place;
    }

    private void complete(PacketRecord r) {
        setAbsent(IP_LEN, Math.min(r.length, LONGEST));
        setAbsent(IP_TTL, r.ttl);
        if (protocol == TCP || protocol == ABSENT) {
            setAbsent(TCP_FLAGS, r.flags);
            setAbsent(TCP_WINDOW, Math.min(r.window, LONGEST));
        }
        int behind = protocol == TCP ? get(TCP_HL) : protocol == UDP || protocol == ICMP || protocol == ICMP6 ? 8 : ABSENT;
        if (!fragment && behind >= 0 && get(IP_HL) >= 0 && get(IP_LEN) >= 0) {
            set(PAYLOAD_LEN, Math.max(get(IP_LEN) - get(IP_HL) - behind, ABSENT));
        }
        setAbsent(PAYLOAD_LEN, Math.min(r.payload, LONGEST));
    }
}
