package serveflow;

import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Writes rows of these features, of a flow's first packets. */
final class Features {
    private static final Pattern OF_PACKET = Pattern.compile("p(\\d+)_(.+)");
    private static final List<String> OF_FLOW = List.of("proto", "resp_port", "packets", "orig_packets", "resp_packets", "orig_payload", "resp_payload",
            "orig_payload_max", "resp_payload_max", "log_duration");
    /** floor(8 log2(x)) is how many of these are at most x. */
    private static final double[] EIGHTHS = new double[503];

    static {
        Arrays.setAll(EIGHTHS, k -> Math.pow(2, (k + 1) / 8.0));
    }

    /** Of each column the packet's number, 0 for the flow, and the place in Field or in OF_FLOW. */
    private final int[] numbers, places;

    Features(List<String> names) {
        numbers = new int[names.size()];
        places = new int[names.size()];
        for (int i = 0; i < numbers.length; i++) {
            Matcher m = OF_PACKET.matcher(names.get(i));
            if (m.matches()) {
                numbers[i] = Integer.parseInt(m.group(1));
                places[i] = Field.valueOf(m.group(2).toUpperCase()).ordinal();
            } else {
                places[i] = OF_FLOW.indexOf(names.get(i));
            }
            if (places[i] < 0) {
                throw new IllegalArgumentException("no such feature: " + names.get(i));
            }
        }
    }

    int columns() {
        return numbers.length;
    }

    /** Writes a row of the flow's first count packets, from row[at] on. */
    void write(Flow f, int count, float[] row, int at) {
        int n = Math.min(count, f.packets.size());
        int[] flow = ofFlow(f, n);
        for (int i = 0; i < numbers.length; i++) {
            int number = numbers[i];
            row[at + i] = number == 0 ? flow[places[i]] : number > n ? Field.ABSENT : f.packets.get(number - 1).fields[places[i]];
        }
    }

    private static int[] ofFlow(Flow f, int n) {
        int[] packets = new int[2], payload = new int[2], largest = {Field.ABSENT, Field.ABSENT};
        for (int i = 0; i < n; i++) {
            Packet p = f.packets.get(i);
            int side = p.get(Field.DIR), length = p.get(Field.PAYLOAD_LEN);
            packets[side]++;
            if (length >= 0) {
                payload[side] += length;
                largest[side] = Math.max(largest[side], length);
            }
        }
        int duration = logTime(f.packets.get(0).micros, f.packets.get(n - 1).micros);
        return new int[] {f.protocol, f.first.responderPort, n, packets[1], packets[0], payload[1], payload[0], largest[1], largest[0], duration};
    }

    /** floor(8 log2(1 + end - begin)), 0 if end is before begin. */
    static int logTime(long begin, long end) {
        if (end <= begin) {
            return 0;
        }
        double x = 1 + end - begin;
        int found = Arrays.binarySearch(EIGHTHS, x);
        return found >= 0 ? found + 1 : -found - 1;
    }
}
