package serveflow;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;

/** A record of the topic. Numbers that it does not have are -1. The header stays in base64: most records come behind their flow's label. */
final class PacketRecord {
    private static final JsonFactory JSON = JsonFactory.builder().enable(StreamReadFeature.USE_FAST_DOUBLE_PARSER).build();

    String event, uid, sensor = "", originator, responder, protocol, header = "";
    int originatorPort, responderPort;
    int length = Field.ABSENT, payload = Field.ABSENT, ttl = Field.ABSENT, flags = Field.ABSENT, window = Field.ABSENT;
    boolean fromOriginator;
    long micros;

    /** Reads token by token, since binding by reflection takes about twice as long. */
    static PacketRecord parse(byte[] json) throws IOException {
        PacketRecord r = new PacketRecord();
        try (JsonParser p = JSON.createParser(json)) {
            p.nextToken();
            for (String name = p.nextFieldName(); name != null; name = p.nextFieldName()) {
                JsonToken value = p.nextToken();
                if (value.isStructStart()) {
                    p.skipChildren();
                } else {
                    r.set(name, p);
                }
            }
        }
        return r;
    }

    private void set(String name, JsonParser p) throws IOException {
        switch (name) {
            case "ev" -> event = p.getText();
            case "ts" -> micros = (long) Math.rint(p.getDoubleValue() * 1e6); // halves to even, as in Python
            case "uid" -> uid = p.getText();
            case "sensor" -> sensor = p.getText();
            case "id.orig_h" -> originator = p.getText();
            case "id.orig_p" -> originatorPort = p.getIntValue();
            case "id.resp_h" -> responder = p.getText();
            case "id.resp_p" -> responderPort = p.getIntValue();
            case "proto" -> protocol = p.getText();
            case "is_orig" -> fromOriginator = p.getBooleanValue();
            case "ip_len" -> length = p.getIntValue();
            case "plen" -> payload = p.getIntValue();
            case "ttl" -> ttl = p.getIntValue();
            case "flags" -> flags = p.getIntValue();
            case "win" -> window = p.getIntValue();
            case "hdr" -> header = p.getText();
            default -> { }
        }
    }

    /** Whether this record, of the same flow, has for originator what the first one has for responder. */
    boolean turned(PacketRecord first) {
        boolean loop = originatorPort == responderPort && originator.equals(responder);
        return !loop && originatorPort == first.responderPort && originator.equals(first.responder);
    }
}
