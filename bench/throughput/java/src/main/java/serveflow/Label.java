package serveflow;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.StreamWriteFeature;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.math.BigDecimal;

/** Writes label records: serveflow.label/1. */
final class Label {
    private static final JsonFactory JSON = JsonFactory.builder().enable(StreamWriteFeature.USE_FAST_DOUBLE_WRITER).build();
    private static final int TOP = 3;

    private Label() { }

    static byte[] write(Cascade c, Flow f, Stage s, String decided) throws IOException {
        boolean unsupported = decided.equals("unsupported"), unknown = unsupported || f.answer.best() == c.other;
        int packets = unsupported ? 0 : Math.min(f.asked, f.packets.size());
        String reason = decided;
        if (!unsupported && unknown) {
            reason = "novel";
        } else if (f.cause != null && !unsupported && !decided.equals("no_more")) {
            reason = f.cause;
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream(640);
        try (JsonGenerator g = JSON.createGenerator(out)) {
            g.writeStartObject();
            g.writeStringField("schema", "serveflow.label/1");
            g.writeStringField("uid", f.first.uid);
            g.writeStringField("orig_h", f.first.originator);
            g.writeNumberField("orig_p", f.first.originatorPort);
            g.writeStringField("resp_h", f.first.responder);
            g.writeNumberField("resp_p", f.first.responderPort);
            g.writeStringField("proto", f.first.protocol);
            g.writeStringField("sensor", f.first.sensor);
            g.writeStringField("task", c.task);
            g.writeStringField("label", unknown ? "unknown" : c.classes.get(f.answer.best()));
            g.writeNumberField("confidence", f.answer == null ? 0 : rounded(f.answer.top(0)));
            g.writeArrayFieldStart("top");
            for (int rank = 0, left = TOP; f.answer != null && left > 0 && rank < c.classes.size(); rank++) {
                if (f.answer.order[rank] != c.other) {
                    g.writeStartObject();
                    g.writeStringField("label", c.classes.get(f.answer.order[rank]));
                    g.writeNumberField("p", rounded(f.answer.top(rank)));
                    g.writeEndObject();
                    left--;
                }
            }
            g.writeEndArray();
            g.writeBooleanField("final", true);
            g.writeNumberField("seq", c.stages.size());
            g.writeStringField("stage", f.answer == null ? "" : s.name);
            g.writeNumberField("uncertainty", f.answer == null ? 1 : rounded(f.answer.doubt()));
            g.writeNumberField("packets", packets);
            g.writeStringField("reason", reason);
            g.writeNumberField("ts_first", seconds(f.packets.get(0).micros));
            g.writeNumberField("ts_packet", seconds(packets == 0 ? f.lastMicros() : f.packets.get(packets - 1).micros));
            g.writeNumberField("ts_label", seconds(System.currentTimeMillis() * 1000));
            g.writeEndObject();
        }
        return out.toByteArray();
    }

    private static double rounded(double x) {
        return Math.rint(x * 1e6) / 1e6;
    }

    /** Not a double, which Java would write as 1.7E9. */
    private static BigDecimal seconds(long micros) {
        return BigDecimal.valueOf(micros, 6);
    }
}
