package serveflow;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.ContextualProcessor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;

/**
 * Labels the flows of one partition.
 *
 * <p>The flows are in plain memory, where a restart loses them, as it does in service.py. A state store with a changelog would keep them,
 * and write and read back every flow at every packet for it, which only makes this service slower.
 *
 * <p>Kafka Streams hands over a record at a time, but the ONNX model takes many rows in one call for less. So the flows that got packets
 * are decided together, after BATCH records or when PAUSE is over: one at a time, a flow takes some 40% more CPU. Labels are the same,
 * since the time that flows wait by is that of the records.
 */
final class Labeller extends ContextualProcessor<byte[], byte[], String, byte[]> {
    private static final int BATCH = 1000;
    private static final Duration PAUSE = Duration.ofMillis(20);

    private final Cascade cascade;
    private final Activity activity; // of the service
    private final Map<String, Flow> flows = new HashMap<>();
    private final Set<String> finished = new HashSet<>();
    private final Map<String, Timers> timers = new HashMap<>(); // by sensor
    private final List<Flow> queue = new ArrayList<>(); // flows with packets that the cascade has not seen
    private int records; // since the last decision

    Labeller(Cascade cascade, Activity activity) {
        this.cascade = cascade;
        this.activity = activity;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> context) {
        super.init(context);
        context.schedule(PAUSE, PunctuationType.WALL_CLOCK_TIME, now -> {
            decide();
            if (activity.over()) {
                close(new ArrayList<>(flows.values()));
            }
        });
    }

    @Override
    public void process(Record<byte[], byte[]> message) {
        records++;
        if (message.value() != null) {
            take(message.value());
        }
        if (records >= BATCH) {
            decide();
        }
    }

    private void take(byte[] value) {
        PacketRecord r;
        try {
            r = PacketRecord.parse(value);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        if (!r.event.equals("pkt") || finished.contains(r.uid)) {
            return;
        }
        Timers clock = timers.computeIfAbsent(r.sensor, s -> new Timers());
        clock.tick(r.micros);
        Flow f = flows.computeIfAbsent(r.uid, uid -> begin(r));
        if (f.over != null) {
            return;
        }
        f.add(r, cascade.depth);
        f.timers = clock;
        if (!f.queued) {
            f.queued = true;
            queue.add(f);
        }
    }

    private Flow begin(PacketRecord r) {
        activity.began();
        return new Flow(r);
    }

    private void decide() {
        if (records == 0) {
            return;
        }
        activity.saw(records);
        records = 0;
        queue.forEach(f -> f.queued = false);
        cascade.decide(queue, this::label).forEach(f -> f.timers.add(f));
        queue.clear();
        List<Flow> due = new ArrayList<>();
        timers.values().forEach(t -> t.expire(due));
        close(due);
    }

    private void close(List<Flow> due) {
        due.forEach(f -> f.stop("timeout", f.packets.size()));
        cascade.decide(due, this::label);
    }

    private void label(Flow f, Stage s, String reason) {
        f.done = true;
        flows.remove(f.first.uid);
        finished.add(f.first.uid);
        activity.labelled();
        try {
            context().forward(new Record<>(f.first.uid, Label.write(cascade, f, s, reason), context().currentSystemTimeMs()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
