package serveflow;

import java.util.concurrent.atomic.AtomicLong;

/** What the service has done, and whether that is all: records have come, and none for a while. */
final class Activity {
    private final AtomicLong records = new AtomicLong(), flows = new AtomicLong(), labels = new AtomicLong();
    private final long quiet; // nanoseconds
    private volatile long last;

    Activity(double quietSeconds) {
        quiet = (long) (quietSeconds * 1e9);
    }

    void saw(int more) {
        records.addAndGet(more);
        last = System.nanoTime();
    }

    void began() {
        flows.incrementAndGet();
    }

    void labelled() {
        labels.incrementAndGet();
    }

    /** No further record is waited for. */
    boolean over() {
        return records.get() > 0 && System.nanoTime() - last > quiet;
    }

    /** And each flow has its label. */
    boolean done() {
        return over() && labels.get() == flows.get();
    }

    @Override
    public String toString() {
        return "{\"records\": %d, \"labels\": %d}".formatted(records.get(), labels.get());
    }
}
