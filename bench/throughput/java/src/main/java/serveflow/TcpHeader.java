package serveflow;

import static serveflow.Field.*;

/** Reads a TCP header and its options into a packet's fields. */
final class TcpHeader {
    private TcpHeader() { }

    static void read(byte[] h, int begin, int[] fields) {
        int there = h.length - begin;
        int hl = there < 13 ? 0 : (at(h, begin + 12) >> 4) * 4;
        if (hl < 20) {
            return;
        }
        there = Math.min(there, hl);
        set(fields, TCP_HL, hl);
        if (there >= 14) {
            set(fields, TCP_FLAGS, at(h, begin + 13));
        }
        if (there >= 16) {
            set(fields, TCP_WINDOW, pair(h, begin + 14));
        }
        if (there == hl) {
            options(h, begin + 20, begin + hl, fields);
        }
    }

    private static void options(byte[] h, int begin, int end, int[] fields) {
        int count = 0, order = 0, sacks = 0;
        set(fields, TCP_SACK_OK, 0);
        set(fields, TCP_TS, 0);
        for (int i = begin, size; i < end && h[i] != 0; i += size) {
            int kind = at(h, i), digit = 7;
            size = kind == 1 ? 1 : i + 1 < end ? at(h, i + 1) : 0;
            if (kind != 1 && (size < 2 || i + size > end)) {
                break;
            }
            switch (kind) {
                case 1 -> digit = 1;
                case 2 -> {
                    digit = 2;
                    if (size == 4) {
                        set(fields, TCP_MSS, pair(h, i + 2));
                    }
                }
                case 3 -> {
                    digit = 3;
                    if (size == 3) {
                        set(fields, TCP_WSCALE, at(h, i + 2));
                    }
                }
                case 4 -> {
                    digit = 4;
                    set(fields, TCP_SACK_OK, 1);
                }
                case 5 -> {
                    digit = 5;
                    sacks += (size - 2) / 8;
                }
                case 8 -> {
                    digit = 6;
                    set(fields, TCP_TS, 1);
                }
                default -> { }
            }
            if (count < 6) {
                order |= digit << 3 * count;
            }
            count++;
        }
        set(fields, TCP_SACKS, sacks);
        set(fields, TCP_OPTS, count);
        set(fields, TCP_OPT_ORDER, order);
    }

    private static void set(int[] fields, Field f, int value) {
        fields[f.ordinal()] = value;
    }

    private static int at(byte[] h, int i) {
        return h[i] & 0xFF;
    }

    private static int pair(byte[] h, int i) {
        return at(h, i) << 8 | at(h, i + 1);
    }
}
