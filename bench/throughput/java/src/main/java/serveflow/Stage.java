package serveflow;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** A stage of the cascade, as the bundle's manifest describes it. */
final class Stage {
    /** How long an answer waits, where it is one of these classes (none: any) by so many packets (0: any). */
    private record Hold(int packets, Set<Integer> classes, long micros) { }

    final String name;
    final int depth, deepest;
    final Hazard hazard; // null: it has none
    private final double[] thresholds; // by class
    private final double temperature;
    private final Features features;
    private final Model model;
    private final List<Hold> holds = new ArrayList<>();

    Stage(Path folder, JsonNode spec, List<String> classes) throws Exception {
        name = spec.get("name").asText();
        depth = spec.get("depth").asInt();
        deepest = Math.max(depth, spec.path("max_depth").asInt());
        temperature = spec.get("temperature").asDouble();
        features = new Features(strings(spec.get("features")));
        thresholds = classes.stream().mapToDouble(c -> spec.path("thresholds").path(c).asDouble(spec.get("threshold").asDouble())).toArray();
        for (JsonNode hold : spec.path("patience")) {
            Set<Integer> own = new HashSet<>();
            strings(hold.path("classes")).forEach(c -> own.add(classes.indexOf(c)));
            holds.add(new Hold(hold.path("packets").asInt(), own, (long) (hold.get("ms").asDouble() * 1000)));
        }
        Path file = folder.resolve(spec.get("file").asText());
        model = spec.get("engine").asText().equals("leaves") ? new Trees(file) : new Graph(file, spec.get("input").asText(), spec.get("output_name").asText());
        hazard = spec.has("hazard") ? new Hazard(folder, spec.get("hazard")) : null;
    }

    static List<String> strings(JsonNode array) {
        List<String> all = new ArrayList<>();
        array.forEach(s -> all.add(s.asText()));
        return all;
    }

    /** Gives each flow its answer, by as many packets as are asked about. */
    void predict(List<Flow> flows) {
        int width = features.columns();
        float[] rows = new float[flows.size() * width];
        for (int i = 0; i < flows.size(); i++) {
            features.write(flows.get(i), flows.get(i).asked, rows, i * width);
        }
        double[] scores = model.score(rows, flows.size());
        for (int i = 0; i < flows.size(); i++) {
            flows.get(i).answer = new Answer(scores, i * thresholds.length, thresholds.length, temperature);
        }
    }

    boolean sure(Answer a) {
        return a.doubt() <= thresholds[a.best()];
    }

    /** How long the answer waits for the packet behind so many; 0: as long as any flow. */
    long hold(Answer a, int packets) {
        for (Hold h : holds) {
            if ((h.packets == 0 || h.packets == packets) && (h.classes.isEmpty() || h.classes.contains(a.best()))) {
                return h.micros;
            }
        }
        return 0;
    }
}
