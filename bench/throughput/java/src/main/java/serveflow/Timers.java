package serveflow;

import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;

/** The clock of a sensor in a partition, which is the latest time of its records, and the flows that wait by it. */
final class Timers {
    private static final long LATENESS = 200_000; // microseconds that a record may come behind a later one

    /** A flow that waits until then, unless it has got a further packet. */
    private record Timer(long until, Flow flow, int packets) { }

    private final PriorityQueue<Timer> queue = new PriorityQueue<>(Comparator.comparingLong(Timer::until));
    private long now;

    void tick(long micros) {
        now = Math.max(now, micros);
    }

    void add(Flow f) {
        queue.add(new Timer(f.lastMicros() + (f.patience > 0 ? f.patience : Flow.IDLE), f, f.packets.size()));
    }

    /** Adds the flows that have waited for long enough. */
    void expire(List<Flow> due) {
        while (!queue.isEmpty() && queue.peek().until < now - LATENESS) {
            Timer t = queue.poll();
            if (!t.flow.done && t.flow.packets.size() == t.packets) {
                due.add(t.flow);
            }
        }
    }
}
