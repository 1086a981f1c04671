package serveflow;

import java.util.ArrayList;
import java.util.List;

/** A flow and how far it is in the cascade. */
final class Flow {
    static final long IDLE = 2_000_000; // microseconds

    final PacketRecord first;
    final int protocol; // 0: not one of the bundle's
    final List<Packet> packets = new ArrayList<>(2); // those that count
    Timers timers; // of the sensor of its latest record
    boolean queued; // for the next batch
    String over; // why no packet of later counts, null while they do
    private int closed; // bits: a FIN by the originator, one by the responder

    int stage; // that is asked next
    boolean again; // whether that is the one which has answered last
    int seen; // packets that were looked at
    int asked; // packets that the latest answer knew
    String cause; // why the cascade gets no further packet, null while it may
    int limit; // packets that there will be, where there is a cause
    Answer answer; // the latest
    int by = -1; // the stage whose it is
    long patience; // how long it waits for the next packet; 0: IDLE
    boolean done;

    Flow(PacketRecord first) {
        this.first = first;
        protocol = switch (first.protocol) {
            case "tcp" -> 6;
            case "udp" -> 17;
            default -> 0;
        };
    }

    /** Adds the record's packet where it counts, and sees whether the flow is over by it. */
    void add(PacketRecord r, int depth) {
        Packet last = packets.isEmpty() ? null : packets.get(packets.size() - 1);
        if (last != null && r.micros > last.micros + IDLE) {
            over = "timeout";
            return;
        }
        if (packets.size() == depth) {
            return;
        }
        Packet p = new Packet(r, r.fromOriginator != r.turned(first));
        p.fields[Field.LOG_GAP.ordinal()] = last == null ? 0 : Features.logTime(last.micros, p.micros);
        packets.add(p);
        int flags = p.get(Field.TCP_FLAGS);
        if (protocol == 6 && flags >= 0) {
            if ((flags & 1) != 0) {
                closed |= p.get(Field.DIR) == 1 ? 1 : 2;
            }
            if ((flags & 4) != 0 || closed == 3) {
                over = "flow_end";
            }
        }
    }

    long lastMicros() {
        return packets.get(packets.size() - 1).micros;
    }

    /** The cascade gets no packet behind so many, for this reason. */
    void stop(String cause, int limit) {
        if (this.cause == null) {
            this.cause = cause;
            this.limit = limit;
        }
    }
}
